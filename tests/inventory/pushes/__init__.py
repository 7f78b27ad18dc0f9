"""Tests of the resources that other collectors send."""

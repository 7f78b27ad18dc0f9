"""Checks: what is wrong with the estate, since when, and after which change."""

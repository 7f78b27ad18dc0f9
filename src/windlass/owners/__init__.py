"""Owners: who is responsible for a resource, by which rule, and why."""

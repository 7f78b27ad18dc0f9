"""Owners: the rules and their file."""

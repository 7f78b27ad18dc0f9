"""Versions of objects: their histories, the comparison of two histories, and copies in order."""

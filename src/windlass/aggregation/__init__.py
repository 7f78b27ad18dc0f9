"""Aggregation: many object events become one action per key and window. README.md lists the files."""

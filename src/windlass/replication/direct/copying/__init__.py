"""Copies of objects: the copier with its journal and pacer, and the operations that it calls."""

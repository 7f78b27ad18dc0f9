"""The verbs of `windlass replicate` that have a file of their own."""

"""Programs for those who work on Windlass; no part of what is distributed."""

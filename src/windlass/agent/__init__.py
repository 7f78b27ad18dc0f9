"""The host agent: one file that reads a host's facts with Python's standard library and pushes them to the API."""

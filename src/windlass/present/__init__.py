"""Shared parts of the command line, the API and the console: formats, progress bars, relative times, options and
confirmation (ADR 0008).
"""

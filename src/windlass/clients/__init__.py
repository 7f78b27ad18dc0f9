"""Clients that call S3 in outdated ways, and their owners."""

"""The clients that call S3 in outdated ways, and their owners."""

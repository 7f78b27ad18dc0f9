"""The Athena engine: the same rules as SQL, run where the logs are."""

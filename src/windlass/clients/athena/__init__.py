"""The Athena engine: the rules as SQL, run by Athena on the logs in S3."""

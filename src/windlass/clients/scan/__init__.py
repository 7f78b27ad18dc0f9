"""The local engine: it reads CloudTrail's files from a folder or S3 in parallel, into counts and uses."""

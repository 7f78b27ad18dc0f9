"""The local engine: CloudTrail's files from a folder or S3, in parallel, into counts and uses."""

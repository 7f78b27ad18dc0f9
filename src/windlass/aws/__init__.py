"""AWS by botocore's models without botocore's clients: see README.md."""

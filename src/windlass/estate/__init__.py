"""Identity, accounts, regions and AWS calls: the only package that imports boto3."""

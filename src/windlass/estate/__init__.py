"""Identity, accounts, regions and AWS calls: the one door to AWS, and the only importer of boto3."""

"""CloudTrail's S3 data events, which moto does not record: written to the trails' buckets as CloudTrail writes them."""

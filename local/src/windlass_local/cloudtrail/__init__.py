"""CloudTrail, which moto does not record: S3 data events in the trails' buckets, and management events on EventBridge."""

"""The ways objects are moved: S3 Batch Operations, this process, or EMR. One file per way."""

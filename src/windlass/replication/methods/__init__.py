"""Methods: S3 Batch Operations, this process, or EMR copies the objects. One file per method."""

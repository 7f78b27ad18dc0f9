"""S3 Batch Operations: job, job template, manifest and completion report."""

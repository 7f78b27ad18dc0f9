"""Who still calls S3 the old way, and whose machine that is."""

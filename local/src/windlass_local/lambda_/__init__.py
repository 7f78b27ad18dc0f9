"""Lambda functions that run: zips in warm subprocesses, invoked by callers, buckets, queues, topics and rules."""

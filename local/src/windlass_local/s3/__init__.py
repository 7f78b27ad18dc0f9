"""S3 of the embedded AWS: moto's buckets with a sorted index, a fast path for the usual calls, and AWS's rules.

State lives in moto's `s3_backends[account][partition].buckets`, so moto's other services (Lambda code, logs, exports) see the
same buckets and objects.

pure          `sorted_names` key names · `paging` · `policy` bucket policies · `event_records` · `replication` rules
requests      `bucket_requests` routes a call · `address` · `caller` · `access` permission and region · `responses`
objects       `objects` in memory, with a sorted key store · `versions` · `checksums` · `customer_keys` · `locks` · `archive`
calls         `object_reads`, `object_writes`, `parts`, `uploads`, `listing`, `buckets`, `configuration`, `documents`, `acls`, `limits`
events        `delivery` to queues, topics, functions, EventBridge · `replicator`, `replicas`, `roles`
"""

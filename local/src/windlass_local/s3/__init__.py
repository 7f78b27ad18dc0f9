"""S3 of the embedded AWS: moto's buckets, with an index, a native fast lane and the truths that moto leaves out.

moto's `s3_backends[account][partition].buckets` stay the one place where state lives, so moto's other services (Lambda
code, logging, exports) go on seeing the same buckets and objects. What is here:

pure          `names` sorted key names · `paging` a page of a listing · `policy` bucket policies · `notices` event records
requests      `address` bucket, key, action · `caller` who · `access` may they, and here · `answers` XML, errors, ids
objects       `objects` lean objects, indexed key store · `writing` put and delete of versions · `checksums`
calls         `object_reads`, `object_writes`, `parts`, `uploads`, `listing`, `buckets`, `configuration` with `documents`
              (what was put is given back) and `acls`
              `calling` brings a call to them · `limits` what is too large
events        `delivery` · replication: `replication` rules (pure), `replicas`, `replicating`, `roles`
moto          `patches` what is changed inside it, each with its reason
"""

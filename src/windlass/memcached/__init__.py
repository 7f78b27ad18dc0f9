"""ElastiCache for Memcached: clusters seen, planned and changed, past the 20 nodes where AWS's console stops."""

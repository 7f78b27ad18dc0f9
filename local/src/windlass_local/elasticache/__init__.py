"""ElastiCache for Memcached: clusters whose nodes are real servers on loopback."""

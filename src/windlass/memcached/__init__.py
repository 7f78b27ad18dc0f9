"""ElastiCache for Memcached: listing, planning and changing clusters beyond the 20 nodes of AWS's console."""

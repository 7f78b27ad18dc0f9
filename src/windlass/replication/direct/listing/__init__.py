"""Listings of both buckets: key ranges, their comparison, and the decision about each key."""

"""The direct copier: lists both buckets in parallel, compares and journals the keys, and copies as fast as the
destination accepts.
"""

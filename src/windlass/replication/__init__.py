"""Seeding replicas: what was in a bucket before replication was switched on, brought over and proved."""

"""Setup before a seed: the replication rule and the roles and policies that it needs."""

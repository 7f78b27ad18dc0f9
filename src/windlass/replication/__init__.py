"""Seeds of replicas: objects that existed before replication was switched on are copied and verified."""

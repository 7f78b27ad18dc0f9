"""Where keys live: in memory (simulations), in the store (SQLite, PostgreSQL), in DynamoDB. One conformance suite over all."""

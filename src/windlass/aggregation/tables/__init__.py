"""Tables of keys: in memory (simulations), in the store (SQLite, PostgreSQL), in DynamoDB. One conformance suite tests all."""

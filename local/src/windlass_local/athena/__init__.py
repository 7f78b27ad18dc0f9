"""Athena, answered by DuckDB: SQL is translated by sqlglot, tables are read from the embedded AWS's own buckets."""

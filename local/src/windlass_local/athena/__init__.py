"""Athena, answered by DuckDB: SQL translated by sqlglot, tables read from the embedded AWS's own buckets."""

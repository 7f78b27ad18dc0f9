"""Observability: structured logs on stderr, Prometheus metrics, health checks."""

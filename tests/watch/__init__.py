"""Alerts: rules, the outbox, deliveries."""

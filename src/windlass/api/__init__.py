"""The REST API: every service as JSON, tokens and login, problem+json errors, metrics, health."""

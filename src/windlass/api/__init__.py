"""The REST API: the inventory, accounts and jobs as JSON; tokens, problem+json errors, metrics, health."""

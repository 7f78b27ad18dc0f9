"""Managed nodes of Systems Manager: what their agents sent, as the API shows it."""

"""Alembic migrations, hand-written and numbered; store.migrate runs them."""

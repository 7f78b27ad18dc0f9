"""Alembic migrations, hand-written and numbered; store.schema runs them."""

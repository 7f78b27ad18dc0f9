"""The database of Windlass: SQLite by default, PostgreSQL by URL; one schema, one set of migrations, one test suite.

Invariants: tables belong to the capability that names them; every query is a named function that returns values; a
write is one transaction; documents are canonical JSON text; times are fixed-width UTC text. Note: SQLite writers wait
for one lock inside the process, so that none of them gets "database is locked".
"""

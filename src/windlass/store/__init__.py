"""Where everything is kept: SQLite by default, PostgreSQL by URL; one schema, one set of migrations, one test suite.

Invariants: tables belong to the capability that names them; every query is a named function that returns values; a
write is one transaction; documents are canonical JSON text; times are fixed-width UTC text. The surprise: SQLite
writers queue up inside the process (one lock) so that none of them ever sees "database is locked".
"""

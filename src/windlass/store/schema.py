"""The database's schema: its version, and its upgrade by alembic in one transaction, safe when two processes start at
once.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from windlass.core.errors import StoreError
from windlass.store.engine import Store

if TYPE_CHECKING:  # loaded only when there is something to migrate, because it takes as long as everything else
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

__all__ = ["current_version", "head_version", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_FOLLOWS = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)
_LOCK = 0x77_69_6E_64  # "wind": the advisory lock that two starting processes queue on in PostgreSQL


def _scripts() -> ScriptDirectory:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def head_version() -> str:
    """Return the schema version of this code: the one migration that no other follows.

    Numbers are reserved before work begins, so the last in the chain need not have the highest. Read as text: loading
    alembic takes longer than all else that a command does.
    """
    texts = [file.read_text("utf-8") for file in (_MIGRATIONS / "versions").glob("[0-9]*.py")]
    revisions = {match[1] for content in texts for match in _REVISION.finditer(content)}
    followed = {match[1] for content in texts for match in _FOLLOWS.finditer(content)}
    (head,) = revisions - followed
    return head


def current_version(store: Store) -> str:
    """Return the database's schema version; empty for a new database."""
    with store.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or ""


def upgrade(store: Store) -> None:
    """Run every migration that the database is missing, all or none. StoreError for a database of a newer Windlass."""
    version, head = current_version(store), head_version()
    if version == head:
        return
    scripts = _scripts()
    if version and version not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"{store.where}: the database has schema {version}, which is newer than this Windlass ({head})",
            hint="Upgrade Windlass; a newer schema is never downgraded.",
        )
    with store.write() as connection:
        if store.dialect == "postgresql":
            # Longer than any query of the reader may take: a reader must not make a start fail.
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _run(connection, scripts, head)


def _run(connection: Connection, scripts: ScriptDirectory, head: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    def steps(revision: object, _: MigrationContext) -> list[object]:
        return list(scripts._upgrade_revs(head, revision))  # type: ignore[arg-type]  # noqa: SLF001  alembic's own env.py idiom

    environment = EnvironmentContext(Config(), scripts, fn=steps)
    environment.configure(connection=connection, target_metadata=None, transactional_ddl=False)
    environment.run_migrations()

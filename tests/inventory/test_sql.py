"""SQL by people reads the published views and nothing else, changes nothing, and leaves nothing behind."""

import contextlib
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from tests.inventory.test_revisions import T0, begin, inventory_of, scan, seen
from tests.postgres import start_postgres
from windlass.api.auth import Role
from windlass.api.tokens import create_token
from windlass.cli.main import _run
from windlass.core.errors import Conflict, StoreError, UsageError
from windlass.inventory import store_meta, writer
from windlass.inventory.sql import PUBLISHED, run_sql
from windlass.store.audit_log import audit, list_audit
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.engine import Store
from windlass.store.reader import create_reader, reader_statements

NOW = datetime(2026, 12, 1, tzinfo=UTC)
VIEWS = tuple(PUBLISHED)

on_postgres = pytest.mark.parametrize(
    "store_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def filled(store):
    """A store with a queue whose name holds words of the old word filter, a token, and an audited action."""
    store_meta.salt_of(store)
    writer.write_result(store, begin(store), scan([seen("release-bucket", {"Delay": 7})], T0))
    create_token(store, name="me", role=Role.named("read"), now=NOW)
    audit(store, actor="me", action="token.create", target="t", now=NOW)
    return store


@pytest.fixture
def prepared(filled):
    """The same with the reader, where there can be one; its role is dropped again, as roles outlive databases."""
    if filled.dialect == "sqlite":
        yield filled
        return
    role = create_reader(filled, VIEWS)
    yield filled
    with psycopg.connect(
        filled.engine.url.set(drivername="postgresql").render_as_string(False), autocommit=True
    ) as server:
        server.execute(f'DROP OWNED BY "{role}"')
        server.execute(f'DROP ROLE "{role}"')


def left_behind(store):
    """Everything that an escape of these tests would change."""
    tables = ("audit", "resource", "revision", "job", "meta", "lease")
    counts = " UNION ALL ".join(
        f"SELECT '{name}' AS name, CAST(count(*) AS TEXT) AS value FROM {name}" for name in tables
    )
    with store.read() as connection:
        return connection.execute(text(f"{counts} UNION ALL SELECT token_id, role FROM api_token ORDER BY name")).all()


def secrets_of(store):
    with store.read() as connection:
        rows = connection.execute(text("SELECT digest FROM api_token UNION ALL SELECT value FROM meta")).scalars()
        return [value for value in rows if len(value) >= 16]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select name from resources where name = 'release-bucket'", [("release-bucket",)]),
        ("select 'api_token', 'meta', 'a:b', '100 %', '%(x)s %s'", [("api_token", "meta", "a:b", "100 %", "%(x)s %s")]),
        ("select name from resources where name like 're%' ;", [("release-bucket",)]),
        ("with r as (select * from runs) select count(*) from r", [(1,)]),
        ("select change, name from revisions", [("created", "release-bucket")]),
        ("select count(*) from relations", [(0,)]),
        ("select name from resources where 1 = 0", []),
        ("with api_token(x) as (select 1) select x from api_token", [(1,)]),
        ("select count(*) from resources r join revisions v on v.key = r.key", [(1,)]),
    ],
)
def test_honest_queries_are_answered(prepared, query, rows):
    table = run_sql(prepared, query, limit=10)
    assert list(table.rows) == rows
    assert len(table.columns) == (len(rows[0]) if rows else 1)


@on_sqlite
def test_json_in_documents_can_be_unfolded(prepared):
    query = "select j.key, j.value from resources r, json_each(r.document) j where j.key = 'Delay'"
    assert run_sql(prepared, query, limit=10).rows == (("Delay", 7),)


# What the break-in test of issue 15 did, and its kind: second statements, names written otherwise, functions that run
# SQL or leave the database, changes of role, side effects of functions.
ESCAPES = (
    "commit; delete from audit where true",
    "select 1; delete from audit where true",
    "rollback; begin read write; delete from audit; commit",
    "commit; update U&\"api\\005ftoken\" set role = 'admin'",
    "; delete from audit",
    "select 1 /* ; */ ; -- \n delete from audit",
    "update U&\"api\\005ftoken\" set role = 'admin'",
    'select * from U&"api\\005ftoken"',
    'select digest from "public"."api_token"',
    "select digest from api_token",
    "select * from sqlite_master",
    "select count(*) from sqlite_master",
    "select * from pragma_table_info('api_token')",
    "select * from resource_words",
    "select * from tag",
    "select count(*) from api_token",
    "select value from meta",
    "select * from resource",
    "select * from job",
    "select t.* from resources r, lateral (select digest from api_token) t",
    "with resources as (select * from api_token) select * from resources",
    "select (select digest from api_token limit 1)",
    "select * from resources where exists (select 1 from api_token where digest like 'a%')",
    "insert into audit select * from audit",
    "delete from audit returning *",
    "with gone as (delete from audit returning *) select * from gone",
    "update resources set name = 'x'",
    "truncate audit",
    "drop table audit",
    "create table mine as select 1",
    "create temp table mine as select 1",
    "alter table audit rename to other",
    "vacuum",
    "commit",
    "begin read write",
)
ESCAPES_OF_POSTGRESQL = (
    "table api_token",
    "select query_to_xml('select digest from api_token', true, false, '')",
    "select table_to_xml('api_token', true, false, '')",
    "select query_to_xml('delete from audit returning *', true, false, '')",
    "select database_to_xml(true, false, '')",
    "select schema_to_xml('public', true, false, '')",
    "select * from pg_authid",
    "select passwd from pg_shadow where passwd is not null",
    "select most_common_vals::text from pg_statistic",
    "copy audit to program 'touch /tmp/windlass-escape'",
    "copy (select 1) to program 'touch /tmp/windlass-escape'",
    "copy (select 1) to '/tmp/windlass-escape'",
    "copy api_token to stdout",
    "copy resources to stdout",
    "copy audit from program 'echo'",
    "explain analyze delete from audit",
    "set role app",
    "reset role",
    "set session authorization app",
    "reset session authorization",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "discard all",
    "select set_config('role', 'app', false), query_to_xml('select digest from api_token', true, false, '')",
    "select set_config('session_authorization', 'app', false)",
    "select set_config('transaction_read_only', 'off', true), query_to_xml('delete from audit returning *', true, false, '')",
    "do $$ begin delete from audit; end $$",
    "do $$ begin perform set_config('role', 'app', false); update api_token set role = 'admin'; end $$",
    "do $$ begin commit; delete from audit; end $$",
    "do $$ begin execute 'copy (select 1) to program ''touch /tmp/windlass-escape'''; end $$",
    "call something()",
    "select nextval('audit_audit_id_seq')",
    "select setval('resource_pk_seq', 1)",
    "select pg_read_file('/etc/passwd')",
    "select pg_read_binary_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "select pg_stat_file('postgresql.conf')",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/windlass-escape')",
    "select lo_from_bytea(0, 'x')",
    "select lo_create(0)",
    "select pg_reload_conf()",
    "select pg_rotate_logfile()",
    "select pg_switch_wal()",
    "select pg_promote()",
    "select pg_create_restore_point('x')",
    "select pg_logical_emit_message(true, 'a', 'b')",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'",
    "select pg_cancel_backend(pid) from pg_stat_activity where usename = 'app'",
    "alter system set log_statement = 'all'",
    "alter role app password 'x'",
    "create role mine superuser",
    "grant select on api_token to public",
    "create extension dblink",
    "create function f() returns int language sql as 'select 1'",
    "load 'auto_explain'",
    "listen x",
    "notify x",
    "lock table audit",
    "lock table resources in access exclusive mode",
    "select * from resources for update",
    "prepare p as select 1",
    "declare c cursor with hold for select 1",
    "security label on table audit is 'x'",
    "comment on table audit is 'x'",
)


def check_escape(store, query):
    """It is refused, or answers without any secret; and nothing has changed."""
    before, secrets = left_behind(store), secrets_of(store)
    assert secrets, "nothing to find would prove nothing"
    try:
        kept = repr(run_sql(store, query, limit=1000, limit_s=5))
    except UsageError as refused:
        kept = f"{refused.message} {refused.hint}"
    assert not [secret for secret in secrets if secret in kept]
    assert left_behind(store) == before


def test_writes_second_statements_and_private_tables_are_refused(prepared):
    for query in ESCAPES:
        check_escape(prepared, query)
        with pytest.raises(UsageError):
            run_sql(prepared, query, limit=10)


@on_postgres
def test_no_function_or_statement_of_postgresql_leads_out(prepared):
    for query in ESCAPES_OF_POSTGRESQL:
        check_escape(prepared, query)
    assert not Path("/tmp/windlass-escape").exists()


@on_postgres
@pytest.mark.parametrize(
    "query",
    [
        "select pg_advisory_lock(42)",
        "select set_config('statement_timeout', '0', false), set_config('default_transaction_read_only', 'off', false)",
        "select lo_create(0)",
        "select pg_advisory_lock(n) from generate_series(1, 500) n",
    ],
)
def test_a_session_leaves_no_lock_setting_or_object_behind(prepared, query):
    with contextlib.suppress(UsageError):
        run_sql(prepared, query, limit=3)
    with prepared.read() as connection:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE '%_reader' AND datname = current_database()"
        for _ in range(100):  # the server ends a session a moment after its client has closed it
            if not connection.execute(text(waits)).scalar_one():
                break
            connection.execute(text("SELECT pg_sleep(0.02)"))
            connection.rollback()
        assert connection.execute(text("SELECT pg_try_advisory_xact_lock(42)")).scalar_one()
        assert connection.execute(text("SELECT count(*) FROM pg_largeobject_metadata")).scalar_one() == 0
        own = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND pid <> pg_backend_pid() AND datname = current_database()"
        assert connection.execute(text(own)).scalar_one() == 0
    assert run_sql(prepared, "show default_transaction_read_only", limit=1).rows == (("on",),)


@on_postgres
def test_the_session_is_the_reader_and_its_transaction_reads_only(prepared):
    query = "select session_user, current_user, current_setting('transaction_read_only')"
    [(session, current, read_only)] = run_sql(prepared, query, limit=1).rows
    assert session == current == f"{prepared.engine.url.database}_reader"
    assert read_only == "on"


@pytest.mark.parametrize(
    "wait",
    ["select pg_sleep(20)", "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"],
)
def test_a_query_that_takes_too_long_is_ended_and_says_what_to_do(prepared, wait):
    if "pg_sleep" in wait and prepared.dialect == "sqlite":
        pytest.skip("SQLite has no function that sleeps")
    with pytest.raises(UsageError) as caught:
        run_sql(prepared, wait, limit=1, limit_s=0.2)
    assert "longer than 0.2 s" in caught.value.hint


@on_sqlite
def test_a_value_that_would_fill_the_memory_is_refused_and_only_for_the_query(prepared):
    with pytest.raises(UsageError, match="too big"):
        run_sql(prepared, "select length(zeroblob(500000000))", limit=1)
    with prepared.read() as connection:
        assert connection.execute(text("SELECT length(zeroblob(100000000))")).scalar_one() == 100_000_000


@on_postgres
def test_a_query_can_not_lift_its_own_time_limit(prepared):
    query = "select set_config('statement_timeout', '0', false), count(*) from generate_series(1, 1e12)"
    with pytest.raises(UsageError, match="timeout"):
        run_sql(prepared, query, limit=1, limit_s=0.3)


def test_a_long_answer_is_cut_at_the_limit_and_not_held(prepared):
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select * from n"
    table = run_sql(prepared, endless, limit=3)
    assert (table.rows, table.truncated) == (((1,), (2,), (3,)), True)


def test_every_view_of_the_schema_is_published_and_can_be_read(prepared):
    listing = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'view'",
        "postgresql": "SELECT table_name FROM information_schema.views WHERE table_schema = current_schema()",
    }
    with prepared.read() as connection:
        assert set(connection.execute(text(listing[prepared.dialect])).scalars()) == set(PUBLISHED)
    for view in PUBLISHED:
        assert run_sql(prepared, f"select * from {view}", limit=5).columns


def test_more_rows_than_the_limit_are_told_and_nonsense_is_a_usage_error(prepared):
    inventory = inventory_of(prepared)
    assert inventory.sql("select type, count(*) as n from resources group by type").columns == ("type", "n")
    assert inventory.sql("select * from resources, (select 1 union all select 2) twice", limit=1).truncated
    for query in ("selec nonsense", "", ";", "select", "select * from nothing", "\0", "select '\ud800'"):
        if query != "select" or prepared.dialect == "sqlite":  # PostgreSQL knows rows without columns
            with pytest.raises(UsageError):
                inventory.sql(query)


# --- the reader ------------------------------------------------------------------------------------------------------


@on_postgres
def test_without_the_reader_sql_is_refused_with_the_command_that_makes_it(filled):
    with pytest.raises(UsageError) as caught:
        run_sql(filled, "select 1", limit=1)
    assert "windlass store reader" in caught.value.hint
    with pytest.raises(UsageError, match="needs a role"):
        inventory_of(filled).sql("select * from resources")


@on_sqlite
def test_sqlite_needs_no_reader(filled):
    for ask in (create_reader, reader_statements):
        with pytest.raises(UsageError, match="needs no reader"):
            ask(filled, VIEWS)


def run_as_owner(store, *statements):
    with store.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@on_postgres
@pytest.mark.parametrize(
    ("grant", "says"),
    [
        ("ALTER ROLE {role} SUPERUSER", "rights over the entire server"),
        ("ALTER ROLE {role} CREATEROLE", "rights over the entire server"),
        ("GRANT pg_read_all_data TO {role}", "member of pg_read_all_data"),
        ("GRANT app TO {role}", "member of app"),
        ("GRANT SELECT ON api_token TO {role}", "may use api_token"),
        ("GRANT SELECT (digest) ON api_token TO PUBLIC", "may use api_token"),
        ("GRANT DELETE ON audit TO {role}", "may use audit"),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC", "may use"),
    ],
)
def test_a_role_that_can_do_more_is_refused(prepared, grant, says):
    run_as_owner(prepared, grant.format(role=f'"{prepared.engine.url.database}_reader"'))
    with pytest.raises(Conflict, match=says):
        run_sql(prepared, "select 1", limit=1)


@on_postgres
def test_a_missing_grant_names_the_view_and_the_command(prepared):
    run_as_owner(prepared, f'REVOKE SELECT ON runs FROM "{prepared.engine.url.database}_reader"')
    with pytest.raises(UsageError, match="may not read runs") as caught:
        run_sql(prepared, "select 1", limit=1)
    assert "windlass store reader" in caught.value.hint
    create_reader(prepared, VIEWS)
    assert run_sql(prepared, "select count(*) from runs", limit=1).rows == ((1,),)


@on_postgres
def test_somebody_elses_role_is_not_taken_over(filled):
    name = f"{filled.engine.url.database}_other"
    run_as_owner(filled, f"CREATE ROLE {name} LOGIN")
    try:
        with pytest.raises(Conflict, match="did not create it for this store"):
            create_reader(filled, VIEWS, role=name)
        with pytest.raises(UsageError, match="needs a role"):
            run_sql(filled, "select 1", limit=1)
    finally:
        run_as_owner(filled, f"DROP ROLE {name}")


@on_postgres
def test_a_login_that_an_administrator_made_serves_by_its_url(filled):
    name = f"{filled.engine.url.database}_dba"
    url = filled.engine.url.set(drivername="postgresql")
    run_as_owner(filled, f"CREATE ROLE {name} LOGIN")
    configured = Store(filled.engine, filled.where, reader_url=url.set(username=name).render_as_string(False))
    try:
        statements = reader_statements(configured, VIEWS)
        assert not [statement for statement in statements if "ROLE" in statement]
        create_reader(configured, VIEWS)
        assert run_sql(configured, "select session_user::text", limit=1).rows == ((name,),)
    finally:
        run_as_owner(filled, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@on_postgres
def test_who_may_not_make_roles_is_told_what_an_administrator_runs(filled):
    name = f"{filled.engine.url.database}_owner"
    run_as_owner(
        filled,
        f"CREATE ROLE {name} LOGIN",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT ALL ON SCHEMA public TO {name}",
    )
    url = filled.engine.url.set(username=name, drivername="postgresql").render_as_string(False)
    try:
        with open_store(StoreConfig(url=url)) as weak, pytest.raises(StoreError) as caught:
            create_reader(weak, VIEWS)
        assert "windlass store reader --dry-run" in caught.value.hint
    finally:
        run_as_owner(filled, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


@pytest.mark.postgres
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_user_who_owns_the_tables_and_nothing_else_can_make_the_reader(store_url):
    database = store_url.rpartition("/")[2]
    owner, role = f"{database}_owner", f"{database}_reader"
    with psycopg.connect(store_url, autocommit=True) as server:
        server.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE")
        server.execute(f"GRANT CREATE ON SCHEMA public TO {owner}")
        try:
            with open_store(StoreConfig(url=store_url.replace("app@", f"{owner}@"))) as store:
                create_reader(store, VIEWS)
                create_reader(store, VIEWS)
                assert run_sql(store, "select count(*) from resources", limit=1).rows == ((0,),)
                with pytest.raises(UsageError, match="permission denied"):
                    run_sql(store, "select * from api_token", limit=1)
        finally:
            server.execute(f"DROP OWNED BY {role}, {owner}")
            server.execute(f"DROP ROLE {role}, {owner}")


@on_postgres
def test_the_statements_of_a_dry_run_make_the_reader_by_themselves(filled):
    role = f"{filled.engine.url.database}_reader"
    try:
        run_as_owner(filled, *(statement.replace("'…'", "'chosen'") for statement in reader_statements(filled, VIEWS)))
        url = filled.engine.url.set(drivername="postgresql", username=role, password="chosen").render_as_string(False)
        configured = Store(filled.engine, filled.where, reader_url=url)
        assert run_sql(configured, "select name from resources", limit=1).rows == (("release-bucket",),)
    finally:
        run_as_owner(filled, f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')


@pytest.mark.postgres
def test_the_reader_logs_in_by_its_password_and_the_servers_log_never_shows_it(tmp_path):
    server = start_postgres(tmp_path)
    if isinstance(server, str):
        pytest.skip(server)
    try:
        with psycopg.connect(server.url, autocommit=True) as owner:
            owner.execute("ALTER SYSTEM SET log_statement = 'all'")
            hba = owner.execute("SHOW hba_file").fetchone()[0]
            rules = "host all app 127.0.0.1/32 trust\\nhost all all 127.0.0.1/32 scram-sha-256"
            owner.execute(f"COPY (SELECT unnest(string_to_array(E'{rules}', E'\\n'))) TO '{hba}'")
            owner.execute("SELECT pg_reload_conf()")
        with open_store(StoreConfig(url=server.url)) as store:
            create_reader(store, VIEWS)
            first = run_sql(store, "select session_user::text", limit=1).rows
            create_reader(store, VIEWS)  # renews the password
            assert run_sql(store, "select session_user::text", limit=1).rows == first == (("postgres_reader",),)
            with store.read() as connection:
                password = connection.execute(
                    text("SELECT value FROM meta WHERE name = 'reader.password'")
                ).scalar_one()
            run_as_owner(store, "ALTER ROLE postgres_reader PASSWORD 'another'")
            with pytest.raises(StoreError, match="cannot log in") as caught:
                run_sql(store, "select 1", limit=1)
            assert password not in caught.value.message
        log = (server.folder / "log").read_text()
        assert re.search(r"""ROLE "?postgres_reader"? .*PASSWORD 'SCRAM-SHA-256""", log)
        assert f"PASSWORD '{password}'" not in log
    finally:
        server.stop()


@on_postgres
def test_a_reader_that_holds_the_lock_of_migrations_delays_a_start_and_never_fails_it(prepared, store_url):
    with prepared.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = (SELECT version_num FROM alembic_version)"))
    holding = threading.Thread(
        target=lambda: run_sql(prepared, f"select pg_advisory_lock({0x77696E64}), pg_sleep(0.5)", limit=1)
    )
    holding.start()
    open_store(StoreConfig(url=store_url, lock_timeout_s=0.1)).close()
    holding.join()


@on_postgres
def test_the_command_makes_the_reader_and_the_next_command_reads(filled, capsys):
    url = filled.engine.url.set(drivername="postgresql").render_as_string(False)

    def windlass(*arguments):
        code = _run(["--store", url, *arguments], debug=False)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    code, _, complaint = windlass("inventory", "sql", "select 1")
    assert code == 252
    assert "windlass store reader" in complaint
    assert "CREATE ROLE" in windlass("store", "reader", "--dry-run")[1]
    assert windlass("inventory", "sql", "select 1")[0] == 252, "a dry run made the role"
    assert windlass("store", "reader")[0] == 0
    assert (
        windlass("inventory", "sql", "select name from resources", "-o", "jsonl")[1] == '{"name": "release-bucket"}\n'
    )
    assert list_audit(filled)[0]["action"] == "store.reader"
    role = f"{filled.engine.url.database}_reader"
    run_as_owner(filled, f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')

"""Tokens: shown once, kept as digests, each with a role, gone at once when revoked; the trail says who did what."""

import hashlib
from datetime import timedelta

import pytest

from windlass.api.auth import Role
from windlass.api.tokens import active_token, check_token, count_tokens, create_token, list_tokens, revoke_token
from windlass.cli.main import root
from windlass.core import clock
from windlass.core.errors import NotFound, UsageError
from windlass.store.audit_log import audit, list_audit
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

NOW = clock.parse_time("2026-11-20T08:00:00Z")


@pytest.fixture
def store(sqlite_file):
    with open_store(StoreConfig(url=sqlite_file())) as opened:
        yield opened


def test_a_secret_logs_in_and_is_not_in_the_database(store):
    token, secret = create_token(store, name="ci", role=Role.OPERATE, now=NOW)
    result = check_token(store, secret.reveal(), now=NOW)
    assert (result.token_id, result.name, result.role) == (token.token_id, "ci", Role.OPERATE)
    with store.read() as connection:
        kept = connection.exec_driver_sql("SELECT * FROM api_token").all()
    assert secret.reveal() not in str(kept)
    assert hashlib.sha256(secret.reveal().encode()).hexdigest() in str(kept)


def test_a_secret_prints_as_stars(store):
    _, secret = create_token(store, name="ci", role=Role.READ, now=NOW)
    assert secret.reveal().startswith("wl_")
    assert len(secret.reveal()) >= 40
    assert secret.reveal() not in f"{secret} {secret!r}"


@pytest.mark.parametrize("text", ["", "wl_", "wl_wrong", "' OR 1=1 --", "\x00", "ü" * 500])
def test_other_texts_do_not_log_in(store, text):
    create_token(store, name="ci", role=Role.READ, now=NOW)
    assert check_token(store, text, now=NOW) is None


def test_a_revoked_token_is_out_of_use_at_once_and_still_listed(store):
    kept, kept_secret = create_token(store, name="kept", role=Role.READ, now=NOW)
    token, secret = create_token(store, name="gone", role=Role.ADMIN, now=NOW + timedelta(seconds=1))
    assert count_tokens(store, now=NOW) == 2
    revoke_token(store, token.token_id, now=NOW + timedelta(hours=1))
    assert check_token(store, secret.reveal(), now=NOW + timedelta(hours=1)) is None
    assert check_token(store, kept_secret.reveal(), now=NOW + timedelta(hours=1)) is not None
    assert count_tokens(store, now=NOW) == 1
    assert [list_token.token_id for list_token in list_tokens(store)] == [token.token_id, kept.token_id]


def test_an_expired_token_is_out_of_use_everywhere_and_still_listed(store):
    end = NOW + timedelta(days=90)
    token, secret = create_token(store, name="ci", role=Role.READ, now=NOW, expires_at=end)
    create_token(store, name="of before", role=Role.READ, now=NOW)
    before, after = end - timedelta(microseconds=1), end
    assert check_token(store, secret.reveal(), now=before).expires_at == end
    assert check_token(store, secret.reveal(), now=after) is None
    assert active_token(store, token.token_id, now=before) is not None
    assert active_token(store, token.token_id, now=after) is None
    assert [count_tokens(store, now=at) for at in (before, after)] == [2, 1]
    assert {list_token.name: list_token.state(after) for list_token in list_tokens(store)} == {
        "ci": "expired",
        "of before": "active",
    }


@pytest.mark.parametrize(("words", "days"), [((), 90), (("--expires", "24h"), 1), (("--expires", "never"), None)])
def test_tokens_of_the_command_line_expire_by_default(tmp_path, capsys, words, days):
    url = f"sqlite:///{tmp_path}/w.db"
    root(["--store", url, "token", "create", "--name", "ci", *words], prog_name="windlass", standalone_mode=False)
    shown = capsys.readouterr()
    root(["--store", url, "token", "list"], prog_name="windlass", standalone_mode=False)
    listed = capsys.readouterr().out.lower()
    with open_store(StoreConfig(url=url)) as store:
        (token,) = list_tokens(store)
    assert (token.expires_at - token.created_at if token.expires_at else None) == (
        timedelta(days=days) if days else None
    )
    assert (f"{token.expires_at:%Y-%m-%d}" if days else "never") in shown.err
    assert "expires" in listed
    assert "active" in listed


@pytest.mark.parametrize("text", ["0d", "99999999999d", "soon", "-1d"])
def test_an_end_that_cannot_be_is_refused_before_a_token_is_made(tmp_path, text):
    url = f"sqlite:///{tmp_path}/w.db"
    with pytest.raises(UsageError):
        root(
            ["--store", url, "token", "create", "--name", "ci", "--expires", text],
            prog_name="windlass",
            standalone_mode=False,
        )
    with open_store(StoreConfig(url=url)) as store:
        assert list_tokens(store) == ()


def test_revoking_twice_keeps_the_first_time(store):
    token, _ = create_token(store, name="ci", role=Role.READ, now=NOW)
    first = revoke_token(store, token.token_id, now=NOW)
    again = revoke_token(store, token.token_id, now=NOW + timedelta(days=1))
    assert first.revoked_at == again.revoked_at == NOW


def test_revoking_an_unknown_token_is_an_error(store):
    with pytest.raises(NotFound, match="tok_nope") as caught:
        revoke_token(store, "tok_nope", now=NOW)
    assert "windlass token list" in caught.value.hint


def test_use_is_noted_once_a_minute_so_that_reading_does_not_write(store):
    _, secret = create_token(store, name="ci", role=Role.READ, now=NOW)
    for after_s, noted_s in ((0, 0), (30, 0), (90, 90)):
        check_token(store, secret.reveal(), now=NOW + timedelta(seconds=after_s))
        assert list_tokens(store)[0].last_used_at == NOW + timedelta(seconds=noted_s)


def test_the_trail_is_newest_first(store):
    for number in range(3):
        audit(store, actor="token:ci", action="job.cancel", target=f"job_{number}", now=NOW + timedelta(seconds=number))
    assert [entry["target"] for entry in list_audit(store, limit=2)] == ["job_2", "job_1"]
    assert list_audit(store)[0]["actor"] == "token:ci"


def test_the_command_line_shows_a_secret_once_and_leaves_a_trail(tmp_path, capsys):
    url = f"sqlite:///{tmp_path}/w.db"

    def windlass(*words):
        root(["--store", url, "token", *words], prog_name="windlass", standalone_mode=False)
        return capsys.readouterr().out

    token_id, secret = windlass("create", "--name", "ci", "--role", "operate").split()
    assert secret not in windlass("list", "-o", "json")
    windlass("revoke", token_id)
    with open_store(StoreConfig(url=url)) as store:
        assert check_token(store, secret, now=NOW) is None
        trail = list_audit(store)
    assert [(entry["action"], entry["target"]) for entry in trail] == [
        ("token.revoke", token_id),
        ("token.create", token_id),
    ]
    assert secret not in str(trail)

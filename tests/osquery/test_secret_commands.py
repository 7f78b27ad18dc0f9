"""The commands of enrollment secrets leave their traces in the audit log, and never the secret."""

import os

from tests.command import run_windlass
from windlass.store.audit_log import list_audit
from windlass.store.config import StoreConfig
from windlass.store.database import open_store


def test_creating_and_revoking_a_secret_is_audited(tmp_path, sqlite_file):
    url = sqlite_file("windlass.db")
    (tmp_path / "windlass.toml").write_text(f'[store]\nurl = "{url}"\n')

    def say(*words):
        done = run_windlass(["osquery", "secret", *words], cwd=tmp_path, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        return done.stdout

    secret = say("create", "--name", "web", "--expires", "90d").strip()
    say("create", "--name", "laptops", "--dry-run")
    say("revoke", "web", "--dry-run")
    say("revoke", "web")
    with open_store(StoreConfig(url=url)) as store:
        entries = list_audit(store)
    assert [(entry["action"], entry["target"], entry["actor"]) for entry in entries] == [
        ("osquery.secret.revoke", "web", "command line"),
        ("osquery.secret.create", "web", "command line"),
    ]
    assert entries[1]["detail"].startswith("expires 20")
    assert secret not in str(entries)

"""One refused account never stops the rest, through the real command: its scopes are denied with the reason, and since when."""

import json

import pytest

from tests.estate.aws_identities import Identities
from windlass.cli.main import _run
from windlass.core.errors import AccessDenied

ONE, TWO, THREE = "111111111111", "222222222222", "333333333333"
CONFIG = f"""
[estate]
allow_endpoint_override = true
home_region = "eu-west-1"
accounts = [{{ id = "{ONE}" }}, {{ id = "{TWO}", role = "Reader" }}, {{ id = "{THREE}", role = "Reader" }}]
[inventory]
types = ["sqs.queue"]
"""


@pytest.fixture(scope="module")
def aws():
    with Identities() as world:
        yield world


@pytest.fixture
def windlass(aws, tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder with keys of account 111…: (exit code, stdout, stderr)."""
    aws.enabled_regions, aws.refuse = ("eu-west-1", "me-south-1"), lambda call: ""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "windlass.toml").write_text(CONFIG)
    for name, value in aws.environ(ONE).items():
        monkeypatch.setenv(name, value)

    def run(*words, config=CONFIG):
        (tmp_path / "windlass.toml").write_text(config)
        code = _run([*words], debug=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def rows(answer):
    code, out, err = answer
    assert code == 0, err
    return json.loads(out)


def refuse_role(call):
    return "AccessDenied" if f"::{TWO}:" in call.params.get("RoleArn", "") else ""


def test_a_refused_account_is_denied_and_all_others_are_read(aws, windlass):
    aws.refuse = refuse_role
    code, out, err = windlass("inventory", "collect", "-q")
    assert code == 1
    assert out.startswith("partial")
    assert f"{ONE} may not assume" not in err
    assert f"arn:aws:iam::{TWO}:role/Reader" in err
    assert "Traceback" not in err
    covered = rows(windlass("inventory", "coverage", "-o", "json"))
    states = {(row["account_id"], row["state"]) for row in covered}
    assert states == {(ONE, "ok"), (TWO, "denied"), (THREE, "ok")}
    denied = [row for row in covered if row["account_id"] == TWO]
    assert {row["region"] for row in denied} >= {"us-east-1", "eu-west-1"}, "the partition's default regions"
    assert all("trust" not in row["error"] and "may not assume" in row["error"] for row in denied)
    assert all(row["state_since"] and row["last_good_at"] is None and row["unread"] == 1 for row in denied)
    _, _, err = windlass("inventory", "coverage")
    assert f"{TWO}: denied since" in err
    assert "the partition's default regions" in err


def test_regions_that_aws_listed_once_are_used_when_it_may_not_be_asked(aws, windlass):
    assert windlass("inventory", "collect", "-q")[0] == 0
    aws.refuse = lambda call: "AccessDenied" if call.action in ("DescribeRegions", "listRegions") else ""
    assert windlass("inventory", "collect", "-q")[0] == 0, "a policy that denies listing regions denies nothing else"
    covered = rows(windlass("inventory", "coverage", "-o", "json"))
    assert {(row["region"], row["state"]) for row in covered} == {("eu-west-1", "ok"), ("me-south-1", "ok")}
    assert "the last known list" in windlass("inventory", "coverage")[2]


def test_a_state_keeps_its_beginning_and_the_last_good_time(aws, windlass):
    assert windlass("inventory", "collect", "-q")[0] == 0
    [before] = rows(windlass("inventory", "coverage", "-a", TWO, "-r", "eu-west-1", "-o", "json"))
    aws.refuse = refuse_role
    moments = []
    for _ in range(2):
        assert windlass("inventory", "collect", "-q")[0] == 1
        [row] = rows(windlass("inventory", "coverage", "-a", TWO, "-r", "eu-west-1", "-o", "json"))
        assert row["state"] == "denied"
        assert row["last_good_at"] == before["last_good_at"]
        moments.append(row["state_since"])
    assert moments[0] == moments[1] > before["state_since"]


def test_when_every_account_is_refused_the_exit_code_says_so(aws, windlass):
    aws.refuse = lambda call: "AccessDenied" if call.action == "AssumeRole" else ""
    config = CONFIG.replace(f'{{ id = "{ONE}" }}, ', "")
    code, _, err = windlass("inventory", "collect", "-q", config=config)
    assert code == AccessDenied.exit_code
    assert "windlass whoami" in err
    assert {row["state"] for row in rows(windlass("inventory", "coverage", "-o", "json", config=config))} == {"denied"}


def test_an_account_under_a_wrong_id_is_refused_and_nothing_is_stored(aws, windlass):
    aws.taken()
    config = CONFIG.replace(f'"{TWO}", role = "Reader"', f'"{TWO}"')
    code, _, err = windlass("inventory", "collect", "-q", config=config)
    assert code == 1
    assert f"account {TWO}: the credentials belong to account {ONE}" in err
    denied = rows(windlass("inventory", "coverage", "--state", "denied", "-o", "json", config=config))
    assert {row["account_id"] for row in denied} == {TWO}
    assert {call.account for call in aws.taken() if call.service == "sqs"} == {ONE, THREE}


def test_types_that_were_never_visited_are_no_blank(aws, windlass):
    assert windlass("inventory", "collect", "-q")[0] == 0
    wider = CONFIG.replace('"sqs.queue"', '"sqs.queue", "sns.topic"')
    covered = rows(windlass("inventory", "coverage", "-o", "json", config=wider))
    assert {(row["service"], row["state"]) for row in covered} == {("sqs", "ok"), ("sns", "unscanned")}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("collect", "-a", "222222222223"), "Did you mean '222222222222'?"),
        (("collect", "-r", "eu-wst-1"), "Did you mean 'eu-west-1'?"),
        (("collect", "-t", "sqs.queues"), "Did you mean 'sqs.queue'?"),
        (("coverage", "--state", "denid"), "Did you mean 'denied'?"),
        (("coverage", "--service", "sqss"), "Did you mean 'sqs'?"),
        (("coverage", "-r", "eu-wst-1"), "Did you mean 'eu-west-1'?"),
    ],
)
def test_a_misspelt_name_is_a_usage_error(aws, windlass, words, hint):
    windlass("inventory", "collect", "-q")
    code, _, err = windlass("inventory", *words)
    assert code == 252
    assert hint in err

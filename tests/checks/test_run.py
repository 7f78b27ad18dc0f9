"""A run over the inventory: what fails, since when, what is unknown, what is judged again, and what is accepted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from windlass.checks.config import ChecksConfig
from windlass.checks.formats import junit, ocsf
from windlass.checks.model import Mute, Severity, Status
from windlass.checks.service import Checks, FindingQuery
from windlass.core.errors import ConfigError, NotFound, UsageError
from windlass.inventory import runs, writer
from windlass.inventory.model import Edge, Observation, Scope, ScopeResult, ScopeState
from windlass.inventory.tables import account_state

T0 = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "111111111111"
OPEN = {"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
CLOSED = {"IpPermissions": []}
GROUPS = Scope(ACCOUNT, "eu-west-1", "ec2.security-group")
BUCKETS = Scope(ACCOUNT, "global", "s3.bucket")
USERS = Scope(ACCOUNT, "global", "iam.user")
TRAILS = Scope(ACCOUNT, "eu-west-1", "cloudtrail.trail")


def resource(scope, name, document, *, unknown=(), tags=None):
    return Observation(
        type=scope.type,
        account_id=scope.account_id,
        region=scope.region,
        resource_id=name,
        arn=f"arn:aws:x:{scope.region}:{scope.account_id}:{name}",
        name=name,
        tags=tags or {},
        document={"GroupName": name, "Tags": tags or {}, **document},
        unknown=frozenset(unknown),
    )


@pytest.fixture
def world(store, tmp_path):
    return World(store, tmp_path)


class World:
    def __init__(self, store, folder):
        self.store, self.folder, self.now = store, folder, T0

    def collect(self, scope, *resources, state=ScopeState.OK, days=0):
        self.now += timedelta(days=days)
        run = runs.begin_run(self.store, now=self.now, scopes_total=1)
        result = ScopeResult(
            scope=scope, state=state, observations=resources, started_at=self.now, finished_at=self.now, calls=1
        )
        writer.write_result(self.store, run, result)

    def checks(self, **config):
        return Checks(self.store, ChecksConfig(**config), self.folder, now=lambda: self.now)

    def findings(self, *checks, **config):
        service = self.checks(**config)
        service.run()
        return {(finding.check.id, finding.name): finding for finding in service.findings(FindingQuery(checks=checks))}


def test_a_failure_has_begun_with_the_change_that_made_it_fail_and_ends_with_the_one_that_mends_it(world):
    world.collect(GROUPS, resource(GROUPS, "web", CLOSED))
    world.collect(GROUPS, resource(GROUPS, "web", OPEN), days=3)
    opened_at = world.now
    world.collect(GROUPS, resource(GROUPS, "web", {**OPEN, "Description": "still open"}), days=3)
    finding = world.findings("ec2-ssh-open")["ec2-ssh-open", "web"]
    assert (finding.status, finding.since) == (Status.FAIL, opened_at)
    world.now += timedelta(days=1)
    assert world.findings("ec2-ssh-open")["ec2-ssh-open", "web"].since == opened_at
    world.collect(GROUPS, resource(GROUPS, "web", CLOSED), days=1)
    assert world.findings("ec2-ssh-open") == {}
    world.collect(GROUPS, resource(GROUPS, "web", OPEN), days=1)
    assert world.findings("ec2-ssh-open")["ec2-ssh-open", "web"].since == world.now


def test_only_what_changed_is_judged_again(world):
    world.collect(GROUPS, *(resource(GROUPS, f"g{number}", CLOSED) for number in range(20)))
    service = world.checks()
    assert service.run().judged == 20
    assert service.run().judged == 0
    world.collect(
        GROUPS, *(resource(GROUPS, f"g{number}", OPEN if number == 7 else CLOSED) for number in range(20)), days=1
    )
    assert service.run().judged == 1
    assert [finding.name for finding in service.findings(FindingQuery(checks=("ec2-ssh-open",)))] == ["g7"]


def test_a_check_that_changes_judges_everything_again(world):
    world.collect(GROUPS, resource(GROUPS, "web", CLOSED))
    world.checks().run()
    own = world.folder / "own"
    own.mkdir()
    text = '[[check]]\nid = "named"\ntype = "ec2.security-group"\ntitle = "x"\nseverity = "low"\npasses = "GroupName == \'{}\'"\n'
    (own / "own.toml").write_text(text.format("other"))
    assert ("named", "web") in world.findings("named", folder="own")
    (own / "own.toml").write_text(text.format("web"))
    assert world.findings("named", folder="own") == {}


def test_time_alone_makes_a_key_old(world):
    key = {"AccessKeys": [{"Status": "Active", "CreateDate": "2026-10-25T00:00:00Z"}]}
    world.collect(USERS, resource(USERS, "ci", key))
    assert world.findings("iam-access-key-age") == {}
    world.now += timedelta(days=100)
    finding = world.findings("iam-access-key-age")["iam-access-key-age", "ci"]
    assert finding.since == world.now
    world.now += timedelta(days=5)
    assert world.findings("iam-access-key-age")["iam-access-key-age", "ci"].since == finding.since


def test_what_was_not_read_is_unknown_with_the_members_that_are_missing(world):
    world.collect(BUCKETS, resource(BUCKETS, "b", {"Acl": {"Grants": []}}, unknown={"Policy", "Logging"}))
    findings = world.findings("s3-tls-only", "s3-access-logging", "s3-public-acl")
    assert {name: (found.status, found.unread) for name, found in findings.items()} == {
        ("s3-tls-only", "b"): (Status.UNKNOWN, ("Policy",)),
        ("s3-access-logging", "b"): (Status.UNKNOWN, ("Logging",)),
    }


def test_a_deleted_resource_has_no_finding(world):
    world.collect(GROUPS, resource(GROUPS, "web", OPEN))
    assert ("ec2-ssh-open", "web") in world.findings("ec2-ssh-open")
    world.collect(GROUPS, days=1)
    assert world.findings("ec2-ssh-open") == {}


@pytest.mark.parametrize(
    ("state", "expected"), [(ScopeState.OK, Status.FAIL), (ScopeState.DENIED, Status.UNKNOWN), (None, Status.UNKNOWN)]
)
def test_an_account_fails_only_when_everything_of_the_type_was_read(world, state, expected):
    _know(world)
    if state is not None:
        world.collect(TRAILS, state=state)
    service = world.checks()
    summary = service.run()
    finding = next(each for each in service.findings() if each.check.id == "cloudtrail-multi-region")
    assert (finding.status, finding.resource) == (expected, ACCOUNT)
    assert (summary.unread_scopes > 0) is (state is ScopeState.DENIED)
    world.collect(TRAILS, resource(TRAILS, "t", {"IsMultiRegionTrail": True, "IsLogging": True}), days=1)
    assert world.findings("cloudtrail-multi-region") == {}


def _know(world):
    with world.store.write() as connection:
        connection.execute(
            account_state.insert().values(
                account_id=ACCOUNT,
                state="ok",
                state_since="2026-11-01",
                arn="",
                error_code="",
                error="",
                regions="[]",
                regions_source="",
                regions_note="",
                regions_known="[]",
                checked_at="2026-11-01",
            )
        )


def test_a_mute_accepts_a_finding_until_its_last_day(world):
    world.collect(GROUPS, resource(GROUPS, "web", OPEN), resource(GROUPS, "db", OPEN))
    service = world.checks()
    service.run()
    last_day = (world.now + timedelta(days=10)).date().isoformat()
    service.mute(Mute(check="ec2-ssh-open", resource="w*", reason='the "jump" host', until=last_day))
    query = FindingQuery(checks=("ec2-ssh-open",))
    assert [finding.name for finding in service.findings(query)] == ["db"]
    shown = service.findings(FindingQuery(checks=("ec2-ssh-open",), muted=True))
    assert {finding.name: finding.muted for finding in shown} == {"db": "", "web": 'the "jump" host'}
    world.now += timedelta(days=11)
    assert [finding.name for finding in service.findings(query)] == ["db", "web"]


def test_a_mute_needs_a_check_that_exists_a_reason_and_a_good_file(world):
    service = world.checks()
    with pytest.raises(NotFound, match="ec2-ssh-opn") as raised:
        service.mute(Mute(check="ec2-ssh-opn", reason="x"))
    assert "'ec2-ssh-open'" in raised.value.hint
    with pytest.raises(UsageError, match="needs a reason"):
        service.mute(Mute(check="ec2-ssh-open", reason=" "))
    (world.folder / "windlass-mutes.toml").write_text('[[mute]]\ncheck = "nothing"\nreason = "x"\n')
    with pytest.raises(ConfigError, match="mutes nothing, which does not exist"):
        service.findings()


def test_findings_are_chosen_by_severity_owner_and_account_the_worst_first(world):
    tagged = {"Team": "web"}
    world.collect(GROUPS, resource(GROUPS, "a", OPEN, tags=tagged), resource(GROUPS, "default", OPEN))
    service = world.checks()
    service.run()
    every = service.findings()
    assert [finding.check.severity for finding in every] == sorted(
        (finding.check.severity for finding in every), reverse=True
    )
    assert {finding.name for finding in service.findings(FindingQuery(owner="web"))} == {"a"}
    assert service.findings(FindingQuery(accounts=("222222222222",))) == ()
    assert service.findings(FindingQuery(severity=Severity.CRITICAL)) == ()


def test_junit_and_ocsf_say_the_same_as_the_findings(world):
    world.collect(BUCKETS, resource(BUCKETS, "b", {}, unknown={"Policy"}))
    service = world.checks()
    service.run()
    findings = service.findings()
    suite = ET.fromstring(junit(findings))
    failing = sum(finding.status is Status.FAIL for finding in findings)
    assert (suite.get("tests"), suite.get("failures")) == (str(len(findings)), str(failing))
    assert len(suite.findall("./testcase/failure")) == failing
    assert len(suite.findall("./testcase/error")) == len(findings) - failing > 0
    record = json.loads(json.dumps(ocsf(findings[0], world.now)))
    assert (record["class_uid"], record["type_uid"], record["cloud"]["account"]["uid"]) == (2003, 200301, ACCOUNT)
    assert {ocsf(finding, world.now)["compliance"]["status"] for finding in findings} == {"Fail", "Unknown"}


def test_excluded_checks_do_not_run_and_a_misspelt_exclusion_is_an_error(world):
    world.collect(GROUPS, resource(GROUPS, "web", OPEN))
    assert [each for each in world.findings(exclude=["ec2-ssh-open"]) if each[0] == "ec2-ssh-open"] == []
    with pytest.raises(UsageError, match="ec2-ssh-opn"):
        world.checks(exclude=["ec2-ssh-opn"]).checks()


# --- time and other resources ----------------------------------------------------------------------------------------

RULES = Scope(ACCOUNT, "eu-west-1", "events.rule")
QUEUES = Scope(ACCOUNT, "eu-west-1", "sqs.queue")
BLOCKS = Scope(ACCOUNT, "global", "s3.account-public-access-block")
PUBLIC = {
    "Policy": {
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]
    },
    "Acl": {"Grants": []},
}


def test_time_judges_again_only_what_it_may_change(world):
    key = {"AccessKeys": [{"Status": "Active", "CreateDate": "2026-10-25T00:00:00Z"}]}
    world.collect(USERS, resource(USERS, "ci", key))
    world.findings()
    world.now += timedelta(days=10)
    assert world.checks().run().judged == 0, "the key is not 90 days old for another two months"
    world.now += timedelta(days=90)
    assert world.checks().run().judged == 1


def target(name):
    return f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"


def rule(*targets):
    return replace(
        resource(RULES, "nightly", {"Targets": [{"Arn": target(name)} for name in targets]}),
        edges=tuple(Edge("targets", target(name)) for name in targets),
    )


def queue(name):
    return replace(resource(QUEUES, name, {}), arn=target(name))


def test_a_rule_fails_from_the_moment_its_target_was_deleted_and_is_unknown_before_the_target_was_read(world):
    world.collect(RULES, rule("reports"))
    assert world.findings("events-target-gone")["events-target-gone", "nightly"].status is Status.UNKNOWN
    world.collect(QUEUES, queue("reports"), days=1)
    assert world.findings("events-target-gone") == {}
    world.collect(QUEUES, queue("other"), days=1)
    deleted_at = world.now
    world.now += timedelta(days=1)
    finding = world.findings("events-target-gone")["events-target-gone", "nightly"]
    assert (finding.status, finding.since) == (Status.FAIL, deleted_at)
    world.collect(QUEUES, queue("other"), state=ScopeState.DENIED, days=1)
    assert world.findings("events-target-gone")["events-target-gone", "nightly"].status is Status.UNKNOWN


def test_a_public_policy_is_no_failure_under_the_accounts_block_and_unknown_while_that_is_not_read(world):
    _know(world)
    world.collect(BUCKETS, resource(BUCKETS, "b", PUBLIC))
    assert world.findings("s3-public-policy")["s3-public-policy", "b"].status is Status.UNKNOWN
    block = replace(resource(BLOCKS, "block", {"RestrictPublicBuckets": True}), arn="")
    world.collect(BLOCKS, block, days=1)
    assert world.findings("s3-public-policy") == {}
    world.collect(BLOCKS, days=1)
    assert world.findings("s3-public-policy")["s3-public-policy", "b"].status is Status.FAIL


DUPLICATES = """
[[check]]
id = "same-name"
type = "ec2.security-group"
title = "Two groups have the same name"
severity = "low"
sql = "SELECT id FROM resources WHERE type = 'ec2.security-group' AND name LIKE 'w%'"
reads = ["s3.bucket"]
why = "x"
remedy = "x"
"""


def test_a_check_in_sql_fails_what_it_returns_and_knows_what_it_could_not_read(world):
    if world.store.dialect == "postgresql":
        pytest.skip("a reader role is needed: tests/inventory/test_sql.py has one")
    own = world.folder / "own"
    own.mkdir()
    (own / "own.toml").write_text(DUPLICATES)
    _know(world)
    world.collect(GROUPS, resource(GROUPS, "web", CLOSED), resource(GROUPS, "db", CLOSED))
    unknown = world.findings("same-name", folder="own")
    assert {name: finding.status for (_, name), finding in unknown.items()} == {
        "web": Status.UNKNOWN,
        ACCOUNT: Status.UNKNOWN,
    }
    world.collect(BUCKETS, days=1)
    found_at = world.now
    failing = world.findings("same-name", folder="own")
    assert {name: finding.status for (_, name), finding in failing.items()} == {"web": Status.FAIL}
    world.now += timedelta(days=1)
    assert world.findings("same-name", folder="own")["same-name", "web"].since == found_at
    (own / "own.toml").write_text(DUPLICATES.replace("SELECT id", "SELECT name"))
    with pytest.raises(ConfigError, match="same-name: the query returns name"):
        world.checks(folder="own").run()

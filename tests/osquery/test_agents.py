"""Agents over the store: enrollment with rotating secrets, identity, results and their gaps, live queries."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.osquery.hosts import difference, enrollment, event, results, snapshot
from windlass.core.errors import Conflict, NotFound, UsageError
from windlass.facts.model import SectionState
from windlass.facts.service import Facts
from windlass.osquery.config import OsqueryConfig
from windlass.osquery.model import AnswerState
from windlass.osquery.service import LiveRequest, Osquery

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
DEB = "windlass_packages_deb_linux"
OPENSSL = {"name": "openssl", "version": "3.0.13", "arch": "amd64", "publisher": "Ubuntu"}
CURL = {"name": "curl", "version": "8.5.0", "arch": "amd64", "publisher": "Ubuntu"}
INSTANCE = {"instance_id": "i-0123456789abcdef0", "account_id": "111111111111", "region": "eu-west-1"}
DECORATIONS = {f"windlass_{name}": value for name, value in INSTANCE.items()}


class Fleet:
    """One server with simulated hosts, and the time."""

    def __init__(self, store, **config):
        self.now, self.counts = T0, {}
        self.facts = Facts(store, now=lambda: self.now)
        self.service = Osquery(
            store,
            OsqueryConfig(**config),
            self.facts.record,
            instances_of=lambda tags: frozenset({INSTANCE["instance_id"]}) if tags == ("team=web",) else frozenset(),
            now=lambda: self.now,
            count=self._count,
        )
        self.agents = self.service.agents
        self.secret = self.service.create_secret("first").reveal()

    def _count(self, outcome, number):
        self.counts[outcome] = self.counts.get(outcome, 0) + number

    def enroll(self, **host):
        answer = self.agents.enroll(enrollment(self.secret, **host), "192.0.2.1")
        assert answer["node_invalid"] is False
        return answer["node_key"]

    def epoch(self, key):
        return int(self.agents.config({"node_key": key}, "")["options"]["schedule_epoch"])

    def send(self, key, *lines):
        assert self.agents.log(results(key, *lines), "") == {"node_invalid": False}

    def diff(self, key, counter, *, added=(), removed=(), epoch=None, **options):
        self.now += timedelta(hours=1)
        beat = {"name": "windlass-heartbeat", "version": str(self.unix), "arch": "", "publisher": ""}
        line = difference(
            DEB,
            counter=counter,
            epoch=epoch or self.epoch(key),
            at=self.unix,
            added=[*added, beat],
            removed=removed,
            **options,
        )
        self.send(key, line)

    @property
    def unix(self):
        return int(self.now.timestamp())

    def section(self, host, name):
        return self.facts.section(host, name)

    def names(self, host, section="packages.deb"):
        return sorted(row["name"] for row in self.section(host, section).rows)


@pytest.fixture
def fleet(store):
    return Fleet(store)


UUID = "4c4c4544-0042-3510-8052"


def test_secrets_rotate_and_are_not_stored(fleet, store):
    second = fleet.service.create_secret("second", expires_at=T0 + timedelta(days=1))
    fleet.enroll()
    assert fleet.agents.enroll(enrollment(second.reveal(), identifier="b"), "")["node_key"]
    fleet.service.revoke_secret("first")
    assert fleet.agents.enroll(enrollment(fleet.secret, identifier="c"), "") == {"node_invalid": True}
    fleet.now += timedelta(days=2)
    assert fleet.agents.enroll(enrollment(second.reveal(), identifier="c"), "") == {"node_invalid": True}
    states = {secret.name: (secret.state(fleet.now), secret.nodes) for secret in fleet.service.secrets()}
    assert states == {"first": ("revoked", 1), "second": ("expired", 1)}
    assert all(secret.last_used_at == T0 for secret in fleet.service.secrets())
    with store.read() as connection:
        rows = [
            str(row)
            for name in ("osquery_secret", "osquery_node")
            for row in connection.exec_driver_sql(f"SELECT * FROM {name}")
        ]
    assert rows
    assert not any("wle_" in row or "wln_" in row for row in rows)
    with pytest.raises(Conflict):
        fleet.service.create_secret("second")
    with pytest.raises(NotFound):
        fleet.service.revoke_secret("third")


@pytest.mark.parametrize("text", ["", "wrong", None, 7])
def test_an_enrollment_without_a_valid_secret_is_refused(fleet, text):
    assert fleet.agents.enroll(enrollment(text), "192.0.2.1") == {"node_invalid": True}
    assert fleet.service.nodes() == ()


def test_a_host_that_enrolls_again_keeps_its_node_and_its_old_key_ends(fleet):
    old = fleet.enroll()
    first_epoch = fleet.epoch(old)
    new = fleet.enroll(name="renamed")
    assert fleet.agents.config({"node_key": old}, "") == {"node_invalid": True}
    (node,) = fleet.service.nodes()
    assert (node.details.name, node.enrollments, node.details.platform) == ("renamed", 2, "linux")
    assert fleet.epoch(new) != first_epoch, "its database may be new: a full set must follow"


def test_a_revoked_node_is_refused_until_it_is_restored(fleet):
    key = fleet.enroll()
    fleet.service.revoke("web-1")
    for answer in (fleet.agents.config, fleet.agents.log, fleet.agents.read, fleet.agents.write):
        assert answer({"node_key": key}, "") == {"node_invalid": True}
    assert fleet.agents.enroll(enrollment(fleet.secret), "") == {"node_invalid": True}
    assert fleet.service.state_of(fleet.service.nodes()[0]) == "revoked"
    fleet.service.restore("web-1")
    assert fleet.agents.config({"node_key": fleet.enroll()}, "")["schedule"]


def test_results_become_sections_with_a_history(fleet):
    key = fleet.enroll()
    fleet.diff(key, 0, added=[OPENSSL, CURL])
    assert fleet.names(UUID) == ["curl", "openssl"]
    fleet.diff(key, 1, added=[OPENSSL | {"version": "3.0.14"}], removed=[OPENSSL])
    section = fleet.section(UUID, "packages.deb")
    assert {row["name"]: row["version"] for row in section.rows} == {"openssl": "3.0.14", "curl": "8.5.0"}
    assert (section.state, section.source, section.observed_at) == (SectionState.READ, "osquery", fleet.now)
    fleet.diff(key, 2)
    section = fleet.section(UUID, "packages.deb")
    assert section.observed_at == fleet.now, "the heartbeat confirms what did not change"
    assert section.changed_at == fleet.now - timedelta(hours=1)


def test_a_lost_difference_makes_the_section_unknown_until_the_next_full_set(fleet):
    key = fleet.enroll()
    fleet.diff(key, 0, added=[OPENSSL])
    epoch = fleet.epoch(key)
    fleet.diff(key, 2, added=[CURL])
    section = fleet.section(UUID, "packages.deb")
    assert section.state is SectionState.UNKNOWN
    assert "did not arrive" in section.failure
    assert fleet.epoch(key) != epoch, "the agent is told to send everything"
    fleet.diff(key, 3, epoch=epoch)
    assert fleet.section(UUID, "packages.deb").state is SectionState.UNKNOWN
    fleet.diff(key, 0, added=[CURL])
    assert fleet.names(UUID) == ["curl"]
    assert fleet.section(UUID, "packages.deb").state is SectionState.READ


def test_a_request_that_is_sent_again_changes_nothing(fleet):
    key = fleet.enroll()
    fleet.diff(key, 0, added=[OPENSSL])
    line = difference(DEB, counter=1, epoch=fleet.epoch(key), at=fleet.unix + 60, added=[CURL], removed=[OPENSSL])
    fleet.now += timedelta(minutes=2)
    fleet.send(key, line)
    fleet.send(key, line)
    assert fleet.names(UUID) == ["curl"]
    assert fleet.counts["repeated"] == 1


def test_event_lines_are_one_set_when_their_run_has_ended(fleet):
    key = fleet.enroll()
    epoch, at = fleet.epoch(key), fleet.unix
    fleet.send(key, event(DEB, OPENSSL, counter=0, epoch=epoch, at=at))
    with pytest.raises(NotFound):
        fleet.section(UUID, "packages.deb")
    fleet.send(key, event(DEB, CURL, counter=0, epoch=epoch, at=at), snapshot("processes", [], at=at + 5))
    assert fleet.names(UUID) == ["curl", "openssl"]


def test_snapshots_replace_and_an_empty_one_is_not_always_an_answer(fleet):
    key = fleet.enroll()
    fleet.send(
        key,
        snapshot("windlass_os", [{"name": "Ubuntu", "version": "24.04"}], at=fleet.unix),
        snapshot("windlass_users", [], at=fleet.unix),
        snapshot("windlass_listening_ports", [], at=fleet.unix),
        snapshot("pack_windlass_windlass_cpu", [{"brand": "Xeon", "logical_cores": "4"}], at=fleet.unix),
        snapshot("someones_query", [{"a": "b"}], at=fleet.unix),
    )
    assert fleet.section(UUID, "os").rows == ({"name": "Ubuntu", "version": "24.04"},)
    assert fleet.section(UUID, "users").state is SectionState.UNKNOWN
    assert fleet.section(UUID, "listening_ports").state is SectionState.READ
    assert fleet.section(UUID, "cpu").rows[0]["logical_cores"] == 4
    assert fleet.counts == {"snapshot": 4, "ignored": 1}


def test_a_malformed_entry_loses_no_other(fleet):
    key = fleet.enroll()
    good = snapshot("windlass_os", [{"name": "Ubuntu\x00", "version": "24.04"}], at=fleet.unix)
    bad = ["text", {}, None, {"name": "windlass_cpu"}, {**good, "snapshot": [1]}, {**good, "unixTime": "soon"}]
    fleet.send(key, *bad, good)
    assert fleet.section(UUID, "os").rows == ({"name": "Ubuntu", "version": "24.04"},)
    assert fleet.counts["malformed"] == len(bad)


def test_a_host_cannot_report_the_future(fleet):
    key = fleet.enroll()
    fleet.send(key, snapshot("windlass_os", [{"name": "Ubuntu"}], at=fleet.unix + 10**7))
    assert fleet.section(UUID, "os").observed_at == fleet.now


def test_a_host_on_ec2_is_its_instance(fleet):
    key = fleet.enroll(vendor="Amazon EC2", uuid="ec2a1b2c-0000")
    fleet.send(key, snapshot("windlass_os", [{"name": "AL2023"}], at=fleet.unix))
    assert fleet.facts.hosts() == (), "not recorded for the UUID while the instance ID may come"
    fleet.send(key, snapshot("windlass_os", [{"name": "AL2023"}], at=fleet.unix, decorations=DECORATIONS))
    (host,) = fleet.facts.hosts()
    assert (host.host_id, host.account_id, host.region, host.name) == (*INSTANCE.values(), "web-1")
    again = fleet.enroll(vendor="Amazon EC2", uuid="ec2a1b2c-0000")
    assert fleet.agents.config({"node_key": again}, "")["schedule"]
    assert fleet.service.nodes()[0].instance_id == INSTANCE["instance_id"]


def test_ec2_hardware_without_metadata_is_its_uuid(fleet):
    key = fleet.enroll(vendor="Amazon EC2")
    fleet.send(
        key, snapshot("windlass_cloud", [], at=fleet.unix), snapshot("windlass_os", [{"name": "AL2023"}], at=fleet.unix)
    )
    assert [host.host_id for host in fleet.facts.hosts()] == [UUID]


def test_an_instance_has_one_node_and_stays_revoked_under_another_identifier(fleet):
    first = fleet.enroll(identifier="host-a", vendor="Amazon EC2")
    fleet.send(first, snapshot("windlass_os", [{"name": "x"}], at=fleet.unix, decorations=DECORATIONS))
    second = fleet.enroll(identifier="host-b", vendor="Amazon EC2")
    fleet.send(second, snapshot("windlass_os", [{"name": "x"}], at=fleet.unix, decorations=DECORATIONS))
    (node,) = fleet.service.nodes()
    assert node.details.host_identifier == "host-b"
    assert fleet.agents.config({"node_key": first}, "") == {"node_invalid": True}
    fleet.service.revoke(node.node_id)
    third = fleet.enroll(identifier="host-c", vendor="Amazon EC2")
    fleet.send(third, snapshot("windlass_os", [{"name": "x"}], at=fleet.unix, decorations=DECORATIONS))
    assert fleet.agents.config({"node_key": third}, "") == {"node_invalid": True}


def test_a_new_host_is_asked_for_its_facts_at_once(fleet):
    key = fleet.enroll(vendor="Amazon EC2")
    answer = fleet.agents.read({"node_key": key}, "")
    assert "facts.windlass_packages_deb_linux" in answer["queries"]
    assert "facts.windlass_services_windows" not in answer["queries"]
    assert answer["accelerate"] == 60
    fleet.agents.write(
        {
            "node_key": key,
            "queries": {
                "facts.windlass_cloud": [INSTANCE],
                f"facts.{DEB}": [OPENSSL],
                "facts.windlass_packages_npm": "",
            },
            "statuses": {"facts.windlass_cloud": 0, f"facts.{DEB}": "0", "facts.windlass_packages_npm": 1},
            "messages": {"facts.windlass_packages_npm": "no such table: npm_packages"},
        },
        "",
    )
    assert fleet.names(INSTANCE["instance_id"]) == ["openssl"]
    npm = fleet.section(INSTANCE["instance_id"], "packages.npm")
    assert (npm.state, npm.failure) == (SectionState.UNKNOWN, "no such table: npm_packages")
    assert fleet.agents.read({"node_key": key}, "")["queries"] == {}


def asked(fleet, **request):
    query = fleet.service.ask(LiveRequest(sql="SELECT 1 AS one", actor="me", **request))
    fleet.agents._open_checked = 0.0  # read once per second for all nodes
    return query


def test_a_live_query_names_rows_errors_and_hosts_that_did_not_answer(fleet):
    keys = {name: fleet.enroll(identifier=name, name=name) for name in ("a", "b", "c")}
    for key in keys.values():
        fleet.agents.read({"node_key": key}, "")
    query = asked(fleet, timeout_s=30)
    sent = {name: fleet.agents.read({"node_key": key}, "")["queries"] for name, key in keys.items() if name != "c"}
    assert sent == {"a": {query.query_id: "SELECT 1 AS one;"}, "b": {query.query_id: "SELECT 1 AS one;"}}
    assert fleet.agents.read({"node_key": keys["a"]}, "")["queries"] == {}, "once"
    fleet.agents.write(
        {"node_key": keys["a"], "queries": {query.query_id: [{"one": "1"}]}, "statuses": {query.query_id: 0}}, ""
    )
    fleet.agents.write(
        {
            "node_key": keys["b"],
            "queries": {query.query_id: []},
            "statuses": {query.query_id: 1},
            "messages": {query.query_id: "no such table: x"},
        },
        "",
    )
    fleet.agents.write({"node_key": keys["a"], "queries": {query.query_id: [{"one": "2"}]}}, "")  # sent again
    fleet.now += timedelta(seconds=31)
    answers = {answer.name: answer for answer in fleet.service.wait(query.query_id).answers}
    assert (answers["a"].state, answers["a"].rows) == (AnswerState.ANSWERED, ({"one": "1"},))
    assert (answers["b"].state, answers["b"].error) == (AnswerState.FAILED, "no such table: x")
    assert answers["c"].state is AnswerState.WAITING
    assert fleet.agents.read({"node_key": keys["c"]}, "")["queries"] == {}, "it expired"


def test_an_answer_that_was_not_asked_for_is_ignored(fleet):
    a, b = fleet.enroll(identifier="a", name="a"), fleet.enroll(identifier="b", name="b")
    query = asked(fleet, hosts=("a",), timeout_s=30)
    fleet.agents.write({"node_key": b, "queries": {query.query_id: [{"one": "9"}], "lq_unknown": [{}]}}, "")
    assert [answer.name for answer in fleet.service.live_query(query.query_id).answers] == ["a"]
    assert fleet.service.live_query(query.query_id).answers[0].rows == ()
    assert a


def test_live_queries_go_to_hosts_by_name_and_by_tag(fleet):
    key = fleet.enroll(identifier="a", name="a", vendor="Amazon EC2")
    fleet.enroll(identifier="b", name="b")
    fleet.send(key, snapshot("windlass_os", [{"name": "x"}], at=fleet.unix, decorations=DECORATIONS))

    def hosts(**request):
        return sorted(node.details.name for node in fleet.service.targets(LiveRequest(sql="", **request)))

    assert hosts() == ["a", "b"]
    assert hosts(tags=("team=web",)) == ["a"]
    assert hosts(hosts=("b", INSTANCE["instance_id"])) == ["a", "b"]
    assert hosts(hosts=("b",), tags=("team=web",)) == ["a", "b"]
    with pytest.raises(NotFound):
        hosts(tags=("team=data",))
    with pytest.raises(NotFound, match="'z'"):
        hosts(hosts=("z",))
    for sql in ("", ";", "DELETE FROM users", "SELECT \x00"):
        with pytest.raises(UsageError):
            fleet.service.ask(LiveRequest(sql=sql))


def test_rows_beyond_the_limit_are_counted_and_old_queries_go(store):
    fleet = Fleet(store, max_live_rows=2, live_retention_days=1)
    key = fleet.enroll()
    query = asked(fleet)
    fleet.agents.write({"node_key": key, "queries": {query.query_id: [{"n": str(n)} for n in range(5)]}}, "")
    (answer,) = fleet.service.live_query(query.query_id).answers
    assert (len(answer.rows), answer.rows_left_off) == (2, 3)
    fleet.now += timedelta(days=2)
    asked(fleet)
    with pytest.raises(NotFound):
        fleet.service.live_query(query.query_id)
    ((_, hosts),) = fleet.service.live_queries()
    assert hosts == {AnswerState.WAITING: 1}


def test_when_a_host_was_seen_is_written_together(fleet):
    key = fleet.enroll()
    fleet.now += timedelta(hours=1)
    fleet.agents.read({"node_key": key}, "")
    assert fleet.service.state_of(fleet.service.nodes()[0]) == "offline"
    fleet.service.close()
    assert fleet.service.nodes()[0].last_seen_at == fleet.now
    assert fleet.service.state_of(fleet.service.nodes()[0]) == "online"

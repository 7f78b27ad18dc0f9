"""Recording reports: order, sources, deltas, what is unknown; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from windlass.core.errors import UsageError
from windlass.facts.model import HostIdentity, Outcome, Report, Section, SectionDelta, SectionState
from windlass.facts.service import Facts
from windlass.facts.tables import fact_row, host_fact, section_change

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOST = HostIdentity(host_id="i-0123456789abcdef0", account_id="111122223333", region="eu-west-1", name="web-1")
OPENSSL_13 = {"name": "openssl", "version": "3.0.13-1", "arch": "amd64"}
OPENSSL_14 = {"name": "openssl", "version": "3.0.14-1", "arch": "amd64"}
CURL = {"name": "curl", "version": "8.5.0-2", "arch": "amd64"}


def report(*rows, at=0.0, source="ssm", host=HOST, name="packages.deb"):
    return Report(
        host=host, observed_at=T0 + timedelta(hours=at), source=source, sections=(Section(name, tuple(rows)),)
    )


def delta(added=(), removed=(), at=0.0, source="osquery"):
    section = SectionDelta("packages.deb", tuple(added), tuple(removed))
    return Report(host=HOST, observed_at=T0 + timedelta(hours=at), source=source, sections=(section,))


def facts_of(store):
    return Facts(store, now=lambda: T0 + timedelta(days=30))


def outcomes(facts, *reports):
    return [result.outcome for result in facts.record(reports)]


def versions(facts, at=None):
    section = facts.section(HOST.host_id, "packages.deb", at=None if at is None else T0 + timedelta(hours=at))
    return {row["name"]: row["version"] for row in section.rows}


def test_a_patch_day_writes_only_what_changed(store):
    facts = facts_of(store)
    facts.record([report(OPENSSL_13, CURL)])
    assert outcomes(facts, report(CURL, OPENSSL_13, at=1)) == [Outcome.UNCHANGED]  # another order is no change
    (result,) = facts.record([report(OPENSSL_14, CURL, at=2)])
    assert (result.outcome, result.added, result.removed) == (Outcome.CHANGED, 1, 1)
    assert versions(facts) == {"openssl": "3.0.14-1", "curl": "8.5.0-2"}
    assert versions(facts, at=1.5) == {"openssl": "3.0.13-1", "curl": "8.5.0-2"}
    assert [(change.added, change.removed) for change in facts.changes(HOST.host_id)] == [(1, 1), (2, 0)]
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(host_fact)).scalar_one() == 3


def test_equal_rows_of_many_hosts_are_stored_once(store):
    facts = facts_of(store)
    hosts = [HostIdentity(host_id=f"host-{number}") for number in range(120)]  # more than one transaction
    facts.record(report(OPENSSL_13, CURL, host=host) for host in hosts)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(fact_row)).scalar_one() == 2
        assert connection.execute(select(func.count()).select_from(host_fact)).scalar_one() == 240


def test_reports_that_come_late_or_twice_change_nothing(store):
    facts = facts_of(store)
    facts.record([report(OPENSSL_14, at=2)])
    assert outcomes(facts, report(OPENSSL_13, at=1), report(CURL, at=2)) == [Outcome.OLDER, Outcome.OLDER]
    assert versions(facts) == {"openssl": "3.0.14-1"}


def test_a_second_source_waits_until_the_first_is_silent(store):
    facts = facts_of(store)
    facts.record([report(OPENSSL_13)])
    (result,) = facts.record([report(OPENSSL_14, at=47, source="ansible")])
    assert (result.outcome, result.detail) == (Outcome.OTHER_SOURCE, "ssm")
    assert outcomes(facts, report(OPENSSL_14, at=48, source="ansible")) == [Outcome.CHANGED]


def test_a_section_that_cannot_be_read_is_unknown_and_keeps_its_last_rows(store):
    facts = facts_of(store)
    facts.record([report(OPENSSL_13)])
    broken = Report(
        host=HOST,
        observed_at=T0 + timedelta(hours=1),
        source="ssm",
        sections=(Section("packages.deb", failure="dpkg-query was not found"), Section("users", failure="denied")),
    )
    facts.record([broken])
    section = facts.section(HOST.host_id, "packages.deb")
    assert (section.state, section.failure) == (SectionState.UNKNOWN, "dpkg-query was not found")
    assert versions(facts) == {"openssl": "3.0.13-1"}
    assert facts.section(HOST.host_id, "packages.deb", at=T0).state is SectionState.READ
    assert facts.section(HOST.host_id, "users").state is SectionState.UNKNOWN
    assert outcomes(facts, report(OPENSSL_13, at=2)) == [Outcome.CHANGED]  # known again
    assert facts.section(HOST.host_id, "packages.deb").state is SectionState.READ


def test_a_delta_needs_known_rows(store):
    facts = facts_of(store)
    assert outcomes(facts, delta(added=[CURL])) == [Outcome.NEEDS_SNAPSHOT]
    facts.record([report(OPENSSL_13, source="osquery")])
    assert outcomes(facts, delta([OPENSSL_14], [OPENSSL_13], at=1), delta([CURL], at=1)) == [Outcome.CHANGED] * 2
    assert versions(facts) == {"openssl": "3.0.14-1", "curl": "8.5.0-2"}
    assert outcomes(facts, delta([CURL], at=1)) == [Outcome.UNCHANGED]
    # The digest that deltas leave behind is that of the whole set.
    assert outcomes(facts, report(CURL, OPENSSL_14, at=2, source="osquery")) == [Outcome.UNCHANGED]


def test_a_clock_that_is_ahead_does_not_refuse_later_reports(store):
    facts = facts_of(store)
    facts.record([report(OPENSSL_13, at=24 * 365)])
    assert facts.section(HOST.host_id, "packages.deb").observed_at == T0 + timedelta(days=30)


def test_malformed_reports_are_refused_before_anything_is_written(store):
    facts = facts_of(store)
    for wrong, message in (
        (report(CURL, name="packges.deb"), "did you mean|not a known section"),
        (report({"version": "1"}), "has no 'name'"),
        (report(name="custom.Bad Name"), "not the name of a section"),
    ):
        with pytest.raises(UsageError, match=message):
            facts.record([report(OPENSSL_13), wrong])
    assert facts.hosts() == ()
    with pytest.raises(UsageError, match="not a host ID"):
        HostIdentity(host_id="no spaces allowed")


def test_host_ids_ignore_case_and_known_members_stay(store):
    facts = facts_of(store)
    facts.record([report(CURL)])
    facts.record([report(CURL, at=1, host=HostIdentity(host_id="I-0123456789ABCDEF0", platform="linux"))])
    (host,) = facts.hosts()
    assert (host.name, host.platform, host.account_id) == ("web-1", "linux", "111122223333")


ROWS = [{"name": name, "version": version} for name in ("a", "b") for version in ("1", "2")]


@given(st.lists(st.tuples(st.integers(1, 12), st.lists(st.sampled_from(ROWS), max_size=4)), min_size=1, max_size=12))
def test_what_was_installed_at_each_time_is_what_was_reported_then(reports):
    from windlass.store.config import StoreConfig
    from windlass.store.database import open_store

    with open_store(StoreConfig(url="sqlite://")) as store:
        facts = facts_of(store)
        expected, newest = {}, 0
        for at, rows in reports:
            facts.record([report(*rows, at=at)])
            if at > newest:
                expected[at], newest = rows, at
        for at, rows in expected.items():
            section = facts.section(HOST.host_id, "packages.deb", at=T0 + timedelta(hours=at))
            key = lambda row: (row["name"], row["version"])  # noqa: E731
            assert sorted(map(key, section.rows)) == sorted({key(row) for row in rows})
        with store.read() as connection:
            assert connection.execute(select(func.count()).select_from(section_change)).scalar_one() <= len(expected)

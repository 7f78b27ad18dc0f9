"""Questions to the facts: who has a package, since when, who has not, and what nobody knows."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from windlass.core.clock import format_time
from windlass.core.errors import NotFound, UsageError
from windlass.facts.model import HostIdentity, Report, Section
from windlass.facts.packages import PackageQuery
from windlass.facts.service import Facts
from windlass.inventory.tables import resource

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = T0 + timedelta(days=30)


def openssl(version):
    return {"name": "openssl", "version": version}


def report(host_id, *rows, day=0, section="packages.deb", failure=""):
    at = T0 + timedelta(days=day)
    return Report(
        host=HostIdentity(host_id=host_id, account_id="111122223333", region="eu-west-1"),
        observed_at=at,
        source="osquery",
        sections=(Section(section, rows, failure),),
    )


def add_instance(store, host_id, name, *, team="web", deleted=False):
    values = {
        "key": f"arn:aws:ec2:eu-west-1:111122223333:instance/{host_id}",
        "type": "ec2.instance",
        "account_id": "111122223333",
        "scope_region": "eu-west-1",
        "region": "eu-west-1",
        "resource_id": host_id,
        "arn": f"arn:aws:ec2:eu-west-1:111122223333:instance/{host_id}",
        "name": name,
        "tags": json.dumps({"team": team}),
        "document": json.dumps({"State": {"Name": "running"}}),
        "digest": "",
        "measures": "{}",
        "revision_id": 1,
        "revisions": 1,
        "first_seen_at": format_time(T0),
        "changed_at": format_time(T0),
        "deleted_at": format_time(NOW) if deleted else None,
        "group_id": 0,
    }
    with store.write() as connection:
        connection.execute(insert(resource).values(**values))


@pytest.fixture
def facts(store):
    add_instance(store, "i-0000000000000000a", "web-1")
    add_instance(store, "i-0000000000000000b", "db-1", team="data")
    add_instance(store, "i-0000000000000000c", "gone", deleted=True)
    add_instance(store, "i-0000000000000000d", "never reported")
    facts = Facts(store, owner_of=lambda tags: tags.get("team", ""), now=lambda: NOW)
    facts.record(
        [
            report("i-0000000000000000a", openssl("3.0.11-1")),
            report("i-0000000000000000a", openssl("3.0.13-1"), day=5),  # an upgrade that is not enough
            report("i-0000000000000000b", openssl("3.0.13-1")),
            report("i-0000000000000000b", openssl("3.0.14-1"), day=3),
            report("i-0000000000000000c", openssl("1.0.2k")),
            report("laptop", {"name": "OpenSSL", "version": "3.0.9_1"}, day=2, section="packages.homebrew"),
            report("nothing-known", failure="dpkg-query was not found"),
            report("empty", day=2),
            report("without", {"name": "curl", "version": "8.5.0"}),
        ]
    )
    return facts


def test_who_has_openssl_below_a_version_their_owners_and_since_when(facts):
    matches = facts.packages(PackageQuery(name="openssl", below="3.0.14"))
    assert [(match.name, match.owner, match.version, match.since) for match in matches] == [
        ("laptop", "", "3.0.9_1", T0 + timedelta(days=2)),
        ("web-1", "web", "3.0.13-1", T0),  # since the first version below, not since the last upgrade
    ]
    assert [match.name for match in facts.packages(PackageQuery(name="openssl", below="3.0.14", owner="web"))] == [
        "web-1"
    ]
    assert [match.kind for match in facts.packages(PackageQuery(name="open*", kind="homebrew"))] == ["homebrew"]
    assert facts.packages(PackageQuery(name="openss_")) == ()


def test_who_had_it_on_a_day_includes_instances_that_are_gone(facts):
    matches = facts.packages(PackageQuery(name="openssl", below="3.0.14", at=T0 + timedelta(days=1)))
    assert [(match.name, match.version) for match in matches] == [
        ("gone", "1.0.2k"),
        ("web-1", "3.0.11-1"),
        ("db-1", "3.0.13-1"),
    ]


def test_unknown_is_not_without(facts):
    without = facts.without_package(PackageQuery(name="openssl", below="3.0.14"))
    assert {host.host_id for host in without} == {"i-0000000000000000b", "without"}
    unknown = facts.hosts_with_unknown_packages()
    assert {host.host_id for host in unknown} == {"nothing-known", "empty"}  # no machine has no packages at all
    assert len(facts.hosts_with_unknown_packages("python")) == 6


def test_a_host_that_lost_sight_of_its_packages_still_matches_marked_as_old(facts):
    facts.record([report("i-0000000000000000a", day=9, failure="timeout")])
    match = next(
        match for match in facts.packages(PackageQuery(name="openssl", below="3.0.14")) if match.name == "web-1"
    )
    assert not match.is_current
    assert "i-0000000000000000a" in {host.host_id for host in facts.hosts_with_unknown_packages()}


def test_missing_names_instances_hosts_and_reasons(facts):
    missing = {(each.name, each.missing): each.reason for each in facts.missing(silent_s=26 * 86400)}
    assert missing["never reported", "facts"] == "no source reported on this instance (running)"
    assert missing["nothing-known", "packages"] == "dpkg-query was not found"
    assert missing["laptop", "os"] == "no source reads this section"
    assert missing["nothing-known", "facts"] == "silent since 2026-11-01T12:00Z"
    assert ("gone", "facts") not in missing
    assert ("web-1", "packages") not in missing


def test_names_find_hosts_and_mistakes_are_explained(facts):
    assert facts.host("WEB-1").host_id == "i-0000000000000000a"
    with pytest.raises(NotFound, match="no facts of a host 'web-2'"):
        facts.host("web-2")
    with pytest.raises(UsageError) as error:
        facts.packages(PackageQuery(name="x", kind="dep"))
    assert "deb" in error.value.hint
    with pytest.raises(UsageError, match="name of the package"):
        PackageQuery(name=" * ")
    with pytest.raises(NotFound, match="was not read"):
        facts.section("laptop", "users")
    with pytest.raises(UsageError, match="'packges'"):
        facts.sections("laptop", "packges")

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime

import pytest

from tests.clients.estate import inventory_with_history
from tests.clients.logs import CLI_OLD, HADOOP, JAVA_2, NODE_OLD, file_bytes, log_path, record, write
from windlass.clients.config import ClientsConfig
from windlass.clients.directory import InventoryDirectory
from windlass.clients.model import Level
from windlass.clients.owners import EmptyDirectory
from windlass.clients.service import Clients, ScanOptions
from windlass.core.errors import NotFound, UsageError

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def clients_of(store, directory=EmptyDirectory) -> Clients:
    def nowhere():
        raise AssertionError("a folder needs no AWS")

    return Clients(store, ClientsConfig(), home=nowhere, directory=directory, now=lambda: NOW)


def scan(clients, folder, **options):
    logs = folder / "AWSLogs"  # the store's own files lie beside it
    return clients.scan(ScanOptions(source=str(logs if logs.exists() else folder), workers=1, **options))


def by_agent(clients, **options):
    return {(entry.agent, entry.principal.rpartition("/")[2]): entry for entry in clients.report(**options)}


def test_a_client_is_told_of_with_all_that_helps_to_end_it(store, tmp_path):
    clients = clients_of(store)
    records = [
        record(time="2026-11-19T23:59:59Z", bucket="raw"),
        record(time="2026-11-20T08:00:00Z"),
        record(time="2026-11-20T09:00:00Z", tls="TLSv1.1"),
        record(agent=JAVA_2, signature="SigV4"),
    ]
    write(log_path(tmp_path, 1), file_bytes(records))
    done = scan(clients, tmp_path)
    assert (done.files, done.records, done.requests, done.broken) == (1, 4, 4, 0)
    (found,) = clients.report()
    assert (found.sdk, found.version, found.rules) == (
        "AWS SDK for JavaScript",
        "2.2.35",
        ("sigv2", "tls", "sdk", "runtime"),
    )
    assert (found.requests, found.first_seen, found.last_seen) == (3, "2026-11-19T23:59:59Z", "2026-11-20T09:00:00Z")
    assert found.buckets == {"reports": 2, "raw": 1}
    assert found.days == {"2026-11-19": 1, "2026-11-20": 2}
    assert found.tls == {"TLSv1.2": 2, "TLSv1.1": 1}
    assert found.findings[0].required == "AWS SDK for JavaScript 3"
    assert found.findings[3].required == "Node.js 22"  # of those in support on that day the first
    assert found.principal == "arn:aws:iam::123456789012:role/reports"
    assert sum(count.requests for count in clients.counts()) == 4


def test_a_second_scan_reads_only_what_is_new(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    for day in range(1, 31):
        write(
            log_path(tmp_path, day, day=f"2026-11-{day:02d}" if day < 31 else "2026-12-01"), file_bytes([record()] * 50)
        )
    first = scan(clients, tmp_path)
    write(log_path(tmp_path, 99, day="2026-12-01"), file_bytes([record(time="2026-12-01T00:00:00Z")] * 50))
    second = scan(clients, tmp_path)
    assert (second.files, second.skipped) == (1, 30)
    assert second.size_bytes <= first.size_bytes / 30 * 1.01
    (found,) = clients.report()
    assert found.requests == 31 * 50
    again = scan(clients, tmp_path, fresh=True)
    assert (again.files, clients.report()[0].requests) == (31, 31 * 50)


def test_a_file_that_changed_is_told_from_what_was_read(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    path = write(log_path(tmp_path, 1), file_bytes([record()]))
    scan(clients, tmp_path)
    path.write_bytes(b"")
    os.utime(path, (1, 1))
    assert scan(clients, tmp_path).broken == 1


def test_what_is_broken_is_named_counted_and_the_rest_goes_on(store, tmp_path):
    clients = clients_of(store)
    write(log_path(tmp_path, 1), file_bytes([record()]))
    for number, raw in enumerate([b"", b"{}", b"not json", file_bytes([record()])[:-9]], 2):
        log_path(tmp_path, number).write_bytes(raw)
    write(tmp_path / "AWSLogs/123456789012/CloudTrail-Digest/us-east-1/2026/11/20/digest.json.gz", b'{"logFiles": []}')
    done = scan(clients, tmp_path)
    assert (done.files, done.broken, done.requests) == (5, 4, 1)
    problems = {
        file.source.rpartition("_")[2][:16].lstrip("0"): file.problem for file in clients.unread_files(done.scan_id)
    }
    assert problems == {
        "2": "empty file",
        "3": "not a CloudTrail file: no Records",
        "4": "not JSON",
        "5": "not JSON: truncated or damaged",
    }
    assert clients.report()[0].requests == 1


def test_services_and_consoles_are_counted_and_left_out(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    service = {"type": "AWSService", "invokedBy": "athena.amazonaws.com"}
    invoked = {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::1:assumed-role/a/b",
        "accountId": "1",
        "invokedBy": "athena.amazonaws.com",
    }
    noise = [
        record(identity=service),
        record(identity=invoked),
        record(sessionCredentialFromConsole="true"),
        record(agent="[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.666 Linux/5.4]"),
        record(agent="cloudtrail.amazonaws.com"),
        record(agent="Amazon CloudFront"),
        record(agent="aws-internal/3 aws-sdk-java/1.12.124 Linux/4.9"),
    ]
    write(log_path(tmp_path, 1), file_bytes([*noise, record()]))
    scan(clients, tmp_path)
    assert [entry.requests for entry in clients.report()] == [1]
    assert sorted(count.exclusion for count in clients.counts()) == [
        "",
        "agent",
        "agent",
        "agent",
        "agent",
        "console",
        "service",
    ]
    assert sum(count.requests for count in clients.counts() if count.exclusion) == len(noise)


def test_without_the_field_the_version_decides_but_only_where_sigv2_was_taken(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    records = [
        record(signature=None, agent=CLI_OLD, region="us-east-1", bucket="virginia"),
        record(signature=None, agent=CLI_OLD, region="eu-central-1", bucket="frankfurt"),
        record(signature=None, agent=JAVA_2, bucket="new"),
        record(
            signature=None, agent=CLI_OLD, bucket="public", identity={"type": "AWSAccount", "accountId": "anonymous"}
        ),
        record(signature="SigV4", agent=CLI_OLD, bucket="told-to"),
    ]
    write(log_path(tmp_path, 1), file_bytes(records))
    scan(clients, tmp_path, rules=("sigv2",))
    (found,) = clients.report(rules=["sigv2"])
    assert found.buckets == {"virginia": 1}
    assert "default" in found.findings[0].text


def test_support_is_judged_on_the_day_asked_for(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    write(
        log_path(tmp_path, 1),
        file_bytes([record(agent=HADOOP, signature="SigV4"), record(agent=CLI_OLD, signature="SigV4")]),
    )
    scan(clients, tmp_path)
    on = {
        day: {entry.sdk for entry in clients.report(rules=["sdk"], on=day)}
        for day in (date(2025, 12, 30), date(2025, 12, 31), date(2027, 7, 15))
    }
    assert on[date(2025, 12, 30)] == set()
    assert on[date(2025, 12, 31)] == {"AWS SDK for Java"}
    assert on[date(2027, 7, 15)] == {"AWS SDK for Java", "AWS CLI"}


def test_information_comes_after_findings_and_can_be_left_out(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    records = [
        *[
            record(
                agent="curl/8.1", signature=None, method=None, identity={"type": "AWSAccount", "accountId": "anonymous"}
            )
        ]
        * 3,
        record(agent="Mozilla/5.0", signature="SigV4", method="QueryString"),
        record(),
    ]
    write(log_path(tmp_path, 1), file_bytes(records))
    scan(clients, tmp_path)
    assert [entry.rules for entry in clients.report()] == [("sigv2", "sdk", "runtime"), ("anonymous",), ("presigned",)]
    assert len(clients.report(level=Level.FINDING)) == 1


def test_path_style_is_told_when_asked_for(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    records = [
        record(agent=JAVA_2, signature="SigV4", host="s3.us-east-1.amazonaws.com"),
        record(agent=JAVA_2, signature="SigV4"),
    ]
    write(log_path(tmp_path, 1), file_bytes(records))
    scan(clients, tmp_path, rules=("all",))
    assert [(entry.rules, entry.requests) for entry in clients.report(rules=["all"])] == [(("path-style",), 1)]


def test_since_and_until_choose_whole_days(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    write(log_path(tmp_path, 1, day="2026-11-01"), file_bytes([record(time="2026-11-01T00:00:00Z")]))
    write(log_path(tmp_path, 2), file_bytes([record(time="2026-11-20T07:59:59Z"), record(time="2026-11-20T08:00:00Z")]))
    write(log_path(tmp_path, 3, day="2026-11-21"), file_bytes([record(time="2026-11-21T00:00:00Z")]))
    days = {"since": datetime(2026, 11, 20, 8, tzinfo=UTC), "until": datetime(2026, 11, 21, tzinfo=UTC)}
    done = scan(clients, tmp_path, **days)
    assert (done.files, done.requests) == (1, 2)
    assert (scan(clients, tmp_path).files, clients.report()[0].requests) == (2, 4)


def test_bad_requests_are_refused_before_anything_is_read(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    with pytest.raises(UsageError, match="no rule nonsense"):
        scan(clients, tmp_path, rules=("nonsense",))
    with pytest.raises(NotFound):
        scan(clients, tmp_path / "nowhere")
    assert clients.scans() == ()


def test_an_agent_with_half_a_character_or_a_nul_is_kept(store, tmp_path):
    raw = json.dumps({"Records": [record(agent="odd\ud83d"), record(agent="nul\0")]}).encode()
    write(log_path(tmp_path, 1), raw)
    clients = clients_of(store)
    scan(clients, tmp_path)
    assert sorted(entry.agent for entry in clients.report()) == ["nul\ufffd", "odd\ufffd"]


# --- whose machine -------------------------------------------------------------------------------------------------


@pytest.fixture
def owned(store, tmp_path):
    inventory = inventory_with_history(store)
    return clients_of(store, lambda: InventoryDirectory(inventory))


def owners(clients):
    return {
        (use.key.ip, use.first_seen[11:19]): (use.holder.rpartition(":")[2], use.owner, use.requests)
        for use in clients.uses()
    }


def test_an_address_that_changed_hands_is_told_by_the_second_of_the_event(owned, tmp_path):
    times = ["10:00:00", "10:29:59", "10:30:00", "10:30:01", "11:00:00"]
    write(log_path(tmp_path, 1), file_bytes([record(time=f"2026-11-20T{time}Z") for time in times]))
    scan(owned, tmp_path)
    assert owners(owned) == {
        ("10.0.1.5", "10:00:00"): ("i-0aaaaaaaaaaaaaaaa", "web", 2),
        ("10.0.1.5", "10:30:00"): ("i-0bbbbbbbbbbbbbbbb", "data", 3),
    }
    (found,) = owned.report()
    assert found.owners == {"data (i-0bbbbbbbbbbbbbbbb-name)": 3, "web (i-0aaaaaaaaaaaaaaaa-name)": 2}


def test_files_of_different_times_are_told_apart_too(owned, tmp_path):
    write(log_path(tmp_path, 1), file_bytes([record(time="2026-11-20T12:00:00Z")]))
    scan(owned, tmp_path)
    write(log_path(tmp_path, 2), file_bytes([record(time="2026-11-20T09:00:00Z")]))
    scan(owned, tmp_path)
    assert {use.owner for use in owned.uses()} == {"web", "data"}


@pytest.mark.parametrize(
    ("ip", "holder", "owner"),
    [
        ("198.51.100.7", "nat-1", "network"),
        ("10.0.2.20", "eni-lambda", "functions"),
        ("10.0.2.30", "eni-endpoint", "platform"),
        ("10.0.1.9", "i-0aaaaaaaaaaaaaaaa", "web"),  # the instance says more than its interface
        ("203.0.113.99", "", "finance"),  # nobody is known to hold it: the role's tags say whose it is
        ("athena.amazonaws.com", "", "finance"),
        ("not an address", "", "finance"),
    ],
)
def test_gateways_interfaces_endpoints_and_the_unknown(owned, tmp_path, ip, holder, owner):
    write(log_path(tmp_path, 1), file_bytes([record(ip=ip, time="2026-11-20T12:00:00Z")]))
    scan(owned, tmp_path)
    (use,) = owned.uses()
    assert (use.holder.rpartition(":")[2], use.owner) == (holder, owner)


def test_a_session_named_for_its_instance_names_it_whatever_the_address(owned, tmp_path):
    identity = {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::123456789012:assumed-role/x/i-0bbbbbbbbbbbbbbbb",
        "accountId": "123456789012",
    }
    write(log_path(tmp_path, 1), file_bytes([record(ip="203.0.113.9", identity=identity)]))
    scan(owned, tmp_path)
    (use,) = owned.uses()
    assert (use.holder_name, use.owner) == ("i-0bbbbbbbbbbbbbbbb-name", "data")


def test_the_same_private_address_of_another_account_is_that_accounts(owned, tmp_path):
    write(log_path(tmp_path, 1), file_bytes([record(recipientAccountId="222222222222", time="2026-11-20T12:00:00Z")]))
    scan(owned, tmp_path)
    assert [use.owner for use in owned.uses()] == ["others"]


def test_the_agents_access_key_and_user_are_told(owned, tmp_path):
    user = {
        "type": "IAMUser",
        "arn": "arn:aws:iam::123456789012:user/backup",
        "accountId": "123456789012",
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    }
    write(log_path(tmp_path, 1), file_bytes([record(identity=user, agent=NODE_OLD)]))
    scan(owned, tmp_path)
    (found,) = owned.report()
    assert (found.principal, found.access_keys) == (user["arn"], ("AKIAIOSFODNN7EXAMPLE",))


def test_two_processes_come_to_what_one_does(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    for number in range(6):
        write(
            log_path(tmp_path, number),
            file_bytes([record(time=f"2026-11-20T0{number}:00:00Z", bucket=f"b{number % 2}")] * 20),
        )
    log_path(tmp_path, 9).write_bytes(b"broken")
    alone = scan(clients, tmp_path)
    before = clients.report()
    both = clients.scan(ScanOptions(source=str(tmp_path / "AWSLogs"), workers=2, fresh=True))
    assert clients.report() == before
    assert (both.files, both.broken, both.requests) == (alone.files, alone.broken, alone.requests) == (7, 1, 120)


def test_a_stopped_scan_keeps_what_it_read_and_the_next_reads_the_rest(sqlite_store, tmp_path):
    import threading

    clients = clients_of(sqlite_store)
    for number in range(10):
        write(log_path(tmp_path, number), file_bytes([record()]))
    stop = threading.Event()
    clients.scan(
        ScanOptions(source=str(tmp_path / "AWSLogs"), workers=1),
        stop=stop,
        progress=lambda now: now.files == 4 and stop.set(),
    )
    assert clients.report()[0].requests == 4
    rest = scan(clients, tmp_path)
    assert (rest.files, rest.skipped, clients.report()[0].requests) == (6, 4, 10)

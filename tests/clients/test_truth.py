"""No false all-clear, nothing counted twice: what a scan was asked for, what files add, and what stays unknown."""

from __future__ import annotations

import gzip
import json
import os
import random
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.clients.logs import CLI_OLD, JAVA_2, NODE_OLD, file_bytes, fuzzed_record, log_path, record, write
from tests.clients.test_scan_exact import told
from tests.clients.test_service import clients_of, scan
from windlass.clients.scan.aggregator import facts_of
from windlass.clients.scan.records import read_records
from windlass.clients.scan.worker import LogFile, ScanRules, ScanWorker
from windlass.clients.sdks import runtimes, sdks


def totals(clients):
    """Everything that reports are made of."""
    uses = sorted((use.key, use.day, use.requests, use.first_seen, use.last_seen) for use in clients.uses())
    return uses, sorted(clients.counts(), key=str)


@pytest.mark.parametrize("first", [{"rules": ("tls",)}, {"since": datetime(2026, 11, 20, tzinfo=UTC)}])
def test_a_narrow_scan_never_hides_findings_from_a_later_report(sqlite_store, tmp_path, first):
    clients = clients_of(sqlite_store)
    write(log_path(tmp_path, 1, day="2026-11-19"), file_bytes([record(time="2026-11-19T08:00:00Z")]))
    write(log_path(tmp_path, 2), file_bytes([record(), record(time="2026-11-20T00:00:01Z")]))
    scan(clients, tmp_path, **first)
    scan(clients, tmp_path)
    assert [client.requests for client in clients.report(rules=["sigv2"])] == [3]


def test_a_rule_that_files_were_not_judged_by_is_a_gap_until_they_are(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    write(log_path(tmp_path, 1), file_bytes([record(host="s3.us-east-1.amazonaws.com")]))
    scan(clients, tmp_path)
    assert clients.coverage(rules=["sigv2"]).complete
    assert clients.coverage(rules=["path-style"]).unjudged == {"path-style": 1}
    again = scan(clients, tmp_path, rules=("path-style",))
    assert (again.files, clients.coverage(rules=["path-style"]).gaps) == (1, ())
    assert [client.requests for client in clients.report(rules=["path-style"])] == [1]
    later = scan(clients, tmp_path)  # asks for less: nothing is read again, and nothing is lost
    assert (later.files, later.skipped, len(clients.report(rules=["path-style"]))) == (0, 1, 1)


def test_a_release_that_knows_more_old_clients_reads_the_files_again(sqlite_store, tmp_path, monkeypatch):
    clients = clients_of(sqlite_store)
    write(log_path(tmp_path, 1), file_bytes([record()]))
    scan(clients, tmp_path)
    monkeypatch.setattr("windlass.clients.rules._version", lambda name: "newer" if name == "sdk" else "same")
    assert clients.coverage(rules=["sdk"]).unjudged == {"sdk": 1}
    assert scan(clients, tmp_path).files == 1
    assert clients.coverage(rules=["sdk"]).complete


def test_files_touched_replaced_and_copied_count_once(store, tmp_path):
    rng = random.Random(4)
    clients = clients_of(store)
    paths = [log_path(tmp_path, number) for number in range(4)]
    for path in paths:
        write(path, file_bytes([fuzzed_record(rng) for _ in range(40)]))
    scan(clients, tmp_path)
    before = totals(clients)
    os.utime(paths[0], (1, 1))
    copy = write(tmp_path / "AWSLogs" / "copy" / paths[1].name, b"")
    copy.write_bytes(paths[1].read_bytes())
    assert scan(clients, tmp_path).skipped >= 2
    assert totals(clients) == before
    write(paths[2], file_bytes([record(agent=CLI_OLD, time="2026-11-02T00:00:00Z")]))
    write(paths[3], file_bytes([]))
    os.utime(paths[3], (2, 2))
    scan(clients, tmp_path)
    replaced = totals(clients)
    scan(clients, tmp_path, fresh=True)
    assert replaced == totals(clients)


@pytest.mark.parametrize("name", ["a.JSON.GZ", "a.part", "a", "a.json.gz.part", "logs/a.log"])
def test_names_do_not_hide_logs(sqlite_store, tmp_path, name):
    clients = clients_of(sqlite_store)
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    raw = file_bytes([record()])
    path.write_bytes(gzip.compress(raw) if "gz" in name.lower() else raw)
    scan(clients, tmp_path / "in")
    assert [client.requests for client in clients.report()] == [1]


LAYOUTS = {
    "a list": lambda records: json.dumps(records),
    "one event": lambda records: json.dumps(records[0]),
    "JSON lines": lambda records: "\n".join(json.dumps(event) for event in records),
    "lines of files": lambda records: "\n".join(json.dumps({"Records": [event]}) for event in records),
    "EventBridge": lambda records: "\n".join(json.dumps({"detail-type": "x", "detail": event}) for event in records),
    "Lake": lambda records: json.dumps([{"eventData": event} for event in records]),
    "Lake query": lambda records: json.dumps([{"eventJson": json.dumps(event)} for event in records]),
    "LookupEvents": lambda records: json.dumps({"Events": [{"CloudTrailEvent": json.dumps(e)} for e in records]}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_cloudtrails_events_is_read(layout):
    records = [record(), record(agent=JAVA_2, signature="SigV4"), record(agent=CLI_OLD)]
    raw = LAYOUTS[layout](records).encode()
    found = read_records(raw)
    expected = records[:1] if layout == "one event" else records
    assert [entry.userAgent for entry in found] == [event["userAgent"] for event in expected]


ACCESS_LOG = b"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3\n"


def test_green_needs_logs_of_every_day(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    assert clients.coverage().gaps == ("No CloudTrail log was read.",)
    folder = tmp_path / "AWSLogs"
    folder.mkdir()
    scan(clients, tmp_path)
    assert not clients.coverage().complete
    (folder / "2026-11-20-00-00-38-89EEXAMPLE").write_bytes(ACCESS_LOG)
    (folder / "numbers.parquet").write_bytes(b"PAR1")
    done = scan(clients, tmp_path)
    assert (done.broken, done.other_kind) == (0, 2)
    assert clients.coverage().gaps == ("No CloudTrail log was read.",)
    assert {file.source.rpartition("/")[2] for file in clients.unread_files()} == {
        "2026-11-20-00-00-38-89EEXAMPLE",
        "numbers.parquet",
    }
    for day in ("2026-11-17", "2026-11-19", "2026-11-20"):
        write(log_path(tmp_path, 1, day=day), file_bytes([record(agent=JAVA_2, signature="SigV4")]))
    scan(clients, tmp_path)
    assert clients.coverage().missing_days == ("2026-11-18",)
    assert clients.coverage(since_day="2026-11-19").complete  # now is the 21st
    assert clients.coverage(since_day="2026-11-16").missing_days == ("2026-11-16", "2026-11-18")
    log_path(tmp_path, 2, day="2026-11-18").parent.mkdir(parents=True)
    log_path(tmp_path, 2, day="2026-11-18").write_bytes(b"")
    scan(clients, tmp_path)
    assert clients.coverage().unreadable == 1


def test_coverage_names_the_buckets_that_log_data_events(sqlite_store, tmp_path):
    clients = clients_of(sqlite_store)
    write(log_path(tmp_path, 1), file_bytes([record(bucket="a"), record(bucket="b", agent="Amazon CloudFront")]))
    scan(clients, tmp_path)
    assert clients.coverage().buckets_seen == 2


@pytest.mark.parametrize("account", ["anonymous", "ANONYMOUS_PRINCIPAL"])
def test_every_spelling_of_nobody_is_anonymous(account):
    event = record(signature=None, agent=CLI_OLD, identity={"type": "AWSAccount", "accountId": account})
    (found,) = read_records(file_bytes([event]))
    assert facts_of(found).caller_kind == "anonymous"


@pytest.mark.parametrize(
    ("host", "style"),
    [
        ("reports.s3.amazonaws.com", "host"),
        ("reports.s3.dualstack.eu-west-1.amazonaws.com", "host"),
        ("s3.amazonaws.com", "path"),
        ("s3.eu-west-1.amazonaws.com:443", "path"),
        ("s3-us-west-2.amazonaws.com", "path"),
        ("s3.dualstack.us-east-1.amazonaws.com", "path"),
        ("s3-fips.us-gov-west-1.amazonaws.com", "path"),
        ("s3.cn-north-1.amazonaws.com.cn", "path"),
        ("bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com", "path"),
        ("reports.bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com", "host"),
        ("my-point-123456789012.s3-accesspoint.us-east-1.amazonaws.com", ""),
        ("point-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias.s3.us-east-1.amazonaws.com", ""),
        ("mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com", ""),
        ("reports.s3.example.com", ""),
    ],
)
def test_path_style_is_a_bucket_behind_an_endpoint_of_s3_itself(host, style):
    (found,) = read_records(file_bytes([record(host=host)]))
    assert facts_of(found).style == style


def test_large_files_of_cloudtrails_own_layout_are_read_by_sections(monkeypatch, tmp_path):
    monkeypatch.setattr("windlass.clients.scan.worker._AT_ONCE_BYTES", 4000)
    monkeypatch.setattr("windlass.clients.scan.worker._SECTION_BYTES", 3000)
    monkeypatch.setattr("windlass.clients.scan.decompression._PART_BYTES", 501)
    records = [record(agent=NODE_OLD if at % 3 else JAVA_2, key='},{"eventVersion":' * (at % 2)) for at in range(60)]
    raw = file_bytes(records)
    path = write(tmp_path / "a.json.gz", raw)

    def read(at):
        return ScanWorker(ScanRules(("all",))).read(LogFile(str(at), "", 10**6, str(at)))

    whole = read(path)
    assert (whole.file.problem, whole.file.records, whole.file.raw_bytes) == ("", 60, len(raw))
    slow = ScanWorker(ScanRules(("all",)))
    monkeypatch.setattr(slow, "_read_sections", slow._read_large)
    monkeypatch.setattr("windlass.clients.scan.sections._HEAD", __import__("re").compile(b"never"))
    assert told(read(path).totals) == told(whole.totals)


@pytest.mark.parametrize("cut", [5, 700, -1])
def test_large_files_cut_short_are_unreadable(monkeypatch, tmp_path, cut):
    monkeypatch.setattr("windlass.clients.scan.worker._AT_ONCE_BYTES", 4000)
    monkeypatch.setattr("windlass.clients.scan.worker._SECTION_BYTES", 3000)
    path = tmp_path / "a.json"
    path.write_bytes(file_bytes([record()] * 60)[:-cut] if cut > 0 else file_bytes([record()] * 60) + b"]")
    read = ScanWorker(ScanRules()).read(LogFile(str(path), "", 10**6, str(path)))
    assert read.file.problem
    assert read.totals.requests == 0


def test_advice_names_something_that_is_supported():
    for sdk in sdks().values():
        newest = max(sdk.ends, key=lambda end: end.bound, default=None)
        if newest and newest.below == "999":
            assert sdk.successor, f"{sdk.id}: every version has ended, so the row needs a successor"
        assert sdk.upgrade.split()[-1] not in ("999", ""), sdk.id
    assert sdks()["boto2"].upgrade == "Boto3, current release"
    assert sdks()["boto3"].upgrade == "Boto3, current release"
    assert sdks()["javascript"].upgrade == "AWS SDK for JavaScript 3"


def test_every_row_of_the_tables_was_checked_within_a_year():
    oldest = date.today() - timedelta(days=365)
    stale = [row.id for row in (*sdks().values(), *runtimes().values()) if row.checked < oldest]
    assert not stale, f"look these up again and renew `checked` in clients/data: {stale}"

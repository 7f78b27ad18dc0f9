"""Bodies as osquery's documentation prints them ("Remotely interfacing osquery", "Logging") and as its versions differ."""

import json

import pytest

from windlass.core.errors import UsageError
from windlass.osquery.messages import host_details, live_results, log_batch, parse_body

EVENT = json.loads("""{
  "action": "added",
  "columns": {"name": "osqueryd", "path": "/usr/local/bin/osqueryd", "pid": "97830"},
  "name": "processes", "hostname": "hostname.local", "calendarTime": "Tue Sep 30 17:37:30 2014",
  "unixTime": "1412123850", "epoch": "314159265", "counter": "1"
}""")
SNAPSHOT = json.loads("""{
  "action": "snapshot",
  "snapshot": [
    {"parent": "0", "path": "/sbin/launchd", "pid": "1"},
    {"parent": "1", "path": "/usr/sbin/syslogd", "pid": "51"}
  ],
  "name": "process_snapshot", "hostIdentifier": "hostname.local", "calendarTime": "Mon May  2 22:27:32 2016 UTC",
  "unixTime": "1462228052", "epoch": "314159265", "counter": "1"
}""")
BATCH = json.loads("""{
  "diffResults": {
    "added": [{"name": "osqueryd", "path": "/usr/local/bin/osqueryd", "pid": "97830"}],
    "removed": [{"name": "osqueryd", "path": "/usr/local/bin/osqueryd", "pid": "97650"}]
  },
  "name": "processes", "hostname": "hostname.local", "calendarTime": "Tue Sep 30 17:37:30 2014",
  "unixTime": "1412123850", "epoch": "314159265", "counter": "1"
}""")
WRITE = json.loads("""{
  "node_key": "...",
  "queries": {
    "id1": [{"column1": "value1", "column2": "value2"}, {"column1": "value1", "column2": "value2"}],
    "id2": [{"column1": "value1", "column2": "value2"}],
    "id3": []
  },
  "statuses": {"id1": 0, "id2": 0, "id3": 2}
}""")
ENROLL = json.loads("""{
  "enroll_secret": "this_is_a_deployment_secret", "host_identifier": "YOURHOSTNAME.local", "platform_type": "21",
  "host_details": {
    "os_version": {"platform": "darwin", "version": "14.5"}, "osquery_info": {"version": "5.14.1"},
    "system_info": {"hostname": "YOURHOSTNAME.local", "uuid": "4740D59F-699E-5B29-960B-979AAF9BBEEB"}, "platform_info": {}
  }
}""")


def line(entry):
    batch = log_batch({"log_type": "result", "data": [entry]})
    assert batch.malformed == 0
    return batch.lines[0]


def test_the_three_formats_of_the_documentation():
    event, snapshot, batch = line(EVENT), line(SNAPSHOT), line(BATCH)
    assert event.is_event
    assert (event.query, event.unix_time, event.epoch, event.counter) == ("processes", 1412123850, 314159265, 1)
    assert event.added == (EVENT["columns"],)
    assert event.removed == ()
    assert line(EVENT | {"action": "removed"}).removed == (EVENT["columns"],)
    assert snapshot.is_snapshot
    assert snapshot.rows == tuple(SNAPSHOT["snapshot"])
    assert not batch.is_event
    assert (batch.added, batch.removed) == tuple(tuple(BATCH["diffResults"][key]) for key in ("added", "removed"))


@pytest.mark.parametrize("empty", ["", [], None])
def test_versions_write_no_rows_in_different_ways(empty):
    assert line(SNAPSHOT | {"snapshot": empty}).rows == ()
    assert line(BATCH | {"diffResults": {"added": empty, "removed": BATCH["diffResults"]["removed"]}}).added == ()


def test_numbers_may_be_numbers_or_texts():
    assert line(BATCH | {"unixTime": 1412123850, "counter": 1, "epoch": 314159265}) == line(BATCH)
    assert line(EVENT | {"columns": {"pid": 97830, "load": 0.5, "flag": True, "gone": None}}).added == (
        {"pid": "97830", "load": "0.5", "flag": "", "gone": ""},
    )


@pytest.mark.parametrize(
    "entry",
    [
        {key: value for key, value in BATCH.items() if key != "diffResults"},  # neither rows nor a difference
        EVENT | {"action": "moved"},
        EVENT | {"columns": ["x"]},
        SNAPSHOT | {"snapshot": "text"},
        SNAPSHOT | {"snapshot": [{"a": "1"}, "text"]},
        BATCH | {"diffResults": {"added": [1]}},
        BATCH | {"unixTime": "9" * 30},
        {"name": "processes"},
    ],
)
def test_what_is_malformed_is_counted_and_never_an_empty_result(entry):
    batch = log_batch({"data": [entry, EVENT]})
    assert (len(batch.lines), batch.malformed) == (1, 1)


def test_answers_to_live_queries_of_the_documentation():
    answers = live_results(WRITE)
    assert [len(rows) for rows, _ in answers.values()] == [2, 1, 0]
    assert [error for _, error in answers.values()] == ["", "", "osquery failed with status 2"]
    assert live_results({"queries": {"a": [{"x": "1"}]}}) == {"a": (({"x": "1"},), "")}, "before osquery 2.1.2"
    assert live_results({"queries": [], "statuses": {"a": "1"}, "messages": {"a": "no such table"}}) == {
        "a": ((), "no such table")
    }


def test_an_enrollment_of_the_documentation():
    details = host_details(ENROLL)
    assert (details.host_identifier, details.platform, details.osquery_version) == (
        "YOURHOSTNAME.local",
        "darwin",
        "5.14.1",
    )
    assert details.host_uuid == "4740d59f-699e-5b29-960b-979aaf9bbeeb"
    bare = host_details({"enroll_secret": "x", "host_identifier": "host"})
    assert (bare.host_identifier, bare.platform, bare.name) == ("host", "", "")
    assert host_details(ENROLL | {"platform_type": "9"}).platform == "linux"
    for identifier in ("", "  ", None, []):
        with pytest.raises(UsageError):
            host_details({"host_identifier": identifier})


def test_a_body_is_an_object():
    assert parse_body(b'{"a": 1}', encoding="", limit=100) == {"a": 1}
    for body in (b"", b"null", b'"text"', b"[]"):
        with pytest.raises(UsageError):
            parse_body(body, encoding="", limit=100)

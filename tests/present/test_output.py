"""The same rows in four formats, safe for spreadsheets and pipes."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

from windlass.present.output import Column, Format, emit
from windlass.present.times import ago

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = [
    {"name": "a", "tags": {"team": "web"}, "count": 1234567, "at": NOW - timedelta(hours=3), "extra": None},
    {"name": "=HYPERLINK(1)", "tags": {}, "count": 0, "at": None, "extra": True},
]
COLUMNS = ["name", "tags", Column("count", right=True), "at"]


def show(fmt):
    out = io.StringIO()
    assert emit(ROWS, fmt, COLUMNS, now=NOW, out=out) == 2
    return out.getvalue()


def test_a_table_is_for_people():
    text = show(Format.TABLE)
    assert "NAME" in text
    assert "1,234,567" in text
    assert "3 h ago" in text
    assert "team=web" in text


def test_json_and_jsonl_hold_everything_untouched():
    listed = json.loads(show(Format.JSON))
    assert listed == [json.loads(line) for line in show(Format.JSONL).splitlines()]
    assert listed[0]["at"] == "2026-11-20T09:00:00Z"
    assert listed[1]["extra"] is True


def test_csv_opens_in_a_spreadsheet_without_running_anything():
    rows = list(csv.DictReader(io.StringIO(show(Format.CSV))))
    assert rows[0]["tags"] == '{"team": "web"}'
    assert rows[1]["name"] == "'=HYPERLINK(1)"


def test_times_as_people_say_them():
    message = [
        ago(NOW - timedelta(seconds=s), NOW) for s in (1, 30, 90, 7200, 86400 * 3, 86400 * 40, 86400 * 800, -120)
    ]
    assert message == ["just now", "30 s ago", "1 m ago", "2 h ago", "3 d ago", "1 mo ago", "2 y ago", "in 2 m"]

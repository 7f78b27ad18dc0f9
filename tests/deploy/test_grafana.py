"""Dashboards and alert rules ask only for what Windlass has, and every alert can fire and says what to do."""

import importlib.util
import json
import re
import subprocess

import pytest
import yaml

from tests.deploy.metrics import FOREIGN, TARGET_LABELS, groupings, selectors, series, unknown_words
from tests.deploy.reading import DEPLOY, ROOT, find_tool
from windlass.aggregation.timeline import _NAMES as OUTCOMES
from windlass.clients.scan_job import KIND as SCAN
from windlass.inventory.collection_job import KIND as COLLECT
from windlass.inventory.model import ScopeState
from windlass.jobs.model import JobStatus
from windlass.memcached.change_job import KIND as CHANGE
from windlass.pipelines.backfill import KIND as BACKFILL
from windlass.queues.redrive_job import KIND as REDRIVE
from windlass.replication.model import SeedState
from windlass.replication.seed.job import KIND as SEED

FOLDER = DEPLOY / "grafana"
FILES = sorted((FOLDER / "dashboards").glob("*.json"))
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
RUNBOOK = (ROOT / "docs/guide/deploy/runbook.md").read_text("utf-8")
PROMTOOL = find_tool("promtool")
SERIES = series()
# Values that labels can have, where the code knows all of them.
VALUES = {
    ("windlass_inventory_scopes", "state"): {str(one) for one in ScopeState},
    ("windlass_replication_seeds", "state"): {str(one) for one in SeedState},
    ("windlass_replication_objects", "count"): {"total", "done", "failed"},
    ("windlass_jobs", "status"): {str(one) for one in JobStatus},
    ("windlass_jobs", "kind"): {SCAN, COLLECT, CHANGE, BACKFILL, REDRIVE, SEED},
    ("windlass_aggregation_windows", "outcome"): {*OUTCOMES.values(), "running"},
    ("windlass_estate_calls_total", "outcome"): {"ok", "throttled", "error"},
}


def check(expression):
    """Every series, label and value in an expression is one that the code makes."""
    asked = list(selectors(expression))
    assert asked, f"asks for no metric: {expression}"
    assert not unknown_words(expression), expression
    known = set(TARGET_LABELS) | {"le"}
    for name, matchers in asked:
        assert name in SERIES, f"there is no metric {name}"
        labels = SERIES[name] | (TARGET_LABELS if name in FOREIGN else set())
        known |= SERIES[name]
        for label, (operator, value) in matchers.items():
            assert label in labels, f"{name} has no label {label}"
            possible = VALUES.get((name, label))
            if possible and operator in ("=", "=~"):
                for one in value.split("|") if operator == "=~" else [value]:
                    assert any(re.fullmatch(one, each) for each in possible), f"{label} of {name} is never {one}"
    assert groupings(expression) <= known, expression
    if len(asked) == 1 and asked[0][0] not in FOREIGN:
        assert groupings(expression) <= SERIES[asked[0][0]] | {"job", "instance"}, expression


def test_the_checks_find_what_is_wrong():
    for wrong in (
        "windlass_queue_recieved_total",
        'windlass_queue_done_total{que="x"}',
        'windlass_jobs{status="broken"}',
        "sum by (account) (windlass_queue_running)",
        "rate(windlass_queue_done[5m])",
        "median(windlass_queue_hung)",
        "1 + 1",
    ):
        with pytest.raises(AssertionError):
            check(wrong)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_ask_for_what_there_is(file):
    held = json.loads(file.read_text())
    for panel in held["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            check(target["expr"])
            labels = set().union(*(SERIES[name] for name, _ in selectors(target["expr"])))
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= labels & (groupings(target["expr"]) or labels), (
                f"{panel['title']}: the legend shows {shown}"
            )
    for variable in held["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            assert label in SERIES[name]
            assert f"${variable['name']}" in file.read_text()


def test_ids_are_unique_and_panels_do_not_overlap():
    uids = [json.loads(file.read_text())["uid"] for file in FILES]
    assert len(set(uids)) == len(uids)
    for file in FILES:
        panels = json.loads(file.read_text())["panels"]
        assert len({one["id"] for one in panels}) == len(panels)
        assert len({one["title"] for one in panels}) == len(panels)
        cells = [
            (x, y)
            for one in panels
            for x in range(one["gridPos"]["x"], one["gridPos"]["x"] + one["gridPos"]["w"])
            for y in range(one["gridPos"]["y"], one["gridPos"]["y"] + one["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), file.name
        assert max(x for x, _ in cells) < 24


def test_there_is_a_dashboard_for_each_capability_and_it_is_its_tables():
    spec = importlib.util.spec_from_file_location("dashboards", FOLDER / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    assert {file.stem for file in FILES} == set(build.DASHBOARDS)
    assert set(build.DASHBOARDS) == {"overview", "queues", "pipelines", "aggregation", "replication", "inventory"}
    for file in FILES:
        assert file.read_text() == build.text(file.stem), "run `make dashboards`"


def test_every_metric_is_on_a_dashboard():
    asked = {
        name
        for file in FILES
        for panel in json.loads(file.read_text())["panels"]
        for target in panel["targets"]
        for name, _ in selectors(target["expr"])
    }
    wanted = {name for name in SERIES if name not in FOREIGN and not name.endswith(("_sum", "_count"))}
    assert wanted - asked == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_ask_for_what_there_is_and_say_what_to_do(rule):
    check(rule["expr"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["runbook_url"] == f"docs/guide/deploy/runbook.md#{rule['alert'].lower()}"
    grouped = groupings(rule["expr"]) | (TARGET_LABELS if "up{" in rule["expr"] else set())
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= grouped, (
        "the summary names what is lost"
    )


def test_the_runbook_has_a_section_for_each_alert_and_no_other():
    titles = re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)
    assert titles == [rule["alert"] for rule in RULES]
    for title, text in re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL):
        assert "**Means**" in text, title
        assert "**Do**" in text, title


# Each alert's world: series with their values a minute, and when it fires.
_FIRES = {
    "WindlassTargetDown": ({'up{job="windlass/windlass-workers", instance="a"}': "0x20"}, "6m"),
    "WindlassQueueUnreachable": (
        {'windlass_queue_failed_polls_total{queue="q"}': "0+9x30", 'windlass_queue_polls_total{queue="q"}': "0+10x30"},
        "15m",
    ),
    "WindlassQueueStuck": (
        {
            'windlass_queue_running{queue="q"}': "3x90",
            'windlass_queue_done_total{queue="q"}': "5x90",
            'windlass_queue_failed_total{queue="q"}': "0x90",
        },
        "60m",
    ),
    "WindlassMessagesFailing": (
        {'windlass_queue_failed_total{queue="q"}': "0+2x60", 'windlass_queue_done_total{queue="q"}': "0+10x60"},
        "40m",
    ),
    "WindlassMessagesRejected": ({'windlass_queue_rejected_total{queue="q"}': "0x10 1x5"}, "12m"),
    "WindlassMessagesLate": (
        {
            'windlass_queue_age_seconds_bucket{queue="q", le="300"}': "0x90",
            'windlass_queue_age_seconds_bucket{queue="q", le="900"}': "0+9x90",
            'windlass_queue_age_seconds_bucket{queue="q", le="+Inf"}': "0+9x90",
        },
        "60m",
    ),
    "WindlassHandlersHung": ({'windlass_queue_hung{queue="q"}': "2x30"}, "15m"),
    "WindlassHandlersCutOff": ({'windlass_queue_timed_out_total{queue="q"}': "0x5 1x20"}, "10m"),
    "WindlassLeasesLost": ({'windlass_queue_lost_leases_total{queue="q"}': "0x5 2x20"}, "10m"),
    "WindlassObjectsRefused": (
        {
            'windlass_pipeline_refused{pipeline="p", pod="a"}': "3x40",
            'windlass_pipeline_refused{pipeline="p", pod="b"}': "3x40",
        },
        "20m",
    ),
    "WindlassActionsFailing": ({'windlass_aggregation_windows{rule="r", outcome="failed"}': "1x30"}, "15m"),
    "WindlassTimersLost": ({'windlass_aggregation_repaired_timers_total{queue="q"}': "0x5 1x20"}, "10m"),
    "WindlassEventsUnmatched": (
        {
            'windlass_aggregation_unmatched_total{queue="q"}': "0+5x200",
            'windlass_aggregation_events_total{queue="q"}': "0+1x200",
        },
        "100m",
    ),
    "WindlassSeedsIncomplete": ({'windlass_replication_seeds{state="incomplete"}': "1x30"}, "15m"),
    "WindlassSeedWaits": ({'windlass_replication_seeds{state="waiting"}': "2x90"}, "70m"),
    "WindlassInventoryStale": ({"windlass_inventory_collected_timestamp_seconds": "0x120"}, "80m"),
    "WindlassScopesUnread": ({'windlass_inventory_scopes{state="denied"}': "4x90"}, "70m"),
    "WindlassAwsThrottled": (
        {
            'windlass_estate_throttled_total{service="s3", account="1", region="x"}': "0+3x60",
            'windlass_estate_calls_total{service="s3", account="1", region="x", outcome="ok"}': "0+7x60",
            'windlass_estate_calls_total{service="s3", account="1", region="x", outcome="throttled"}': "0+3x60",
        },
        "45m",
    ),
    "WindlassAwsErrors": (
        {
            'windlass_estate_calls_total{service="s3", account="1", region="x", outcome="ok"}': "0+1x60",
            'windlass_estate_calls_total{service="s3", account="1", region="x", outcome="error"}': "0+9x60",
        },
        "45m",
    ),
    "WindlassJobsFailed": ({'windlass_jobs{kind="inventory.collect", status="failed"}': "1x30"}, "15m"),
    "WindlassStoreDown": ({'windlass_store_up{job="c"}': "0x10"}, "5m"),
    "WindlassConsoleErrors": (
        {
            'windlass_console_requests_total{job="c", route="/", status="500"}': "0+1x30",
            'windlass_console_requests_total{job="c", route="/", status="200"}': "0+9x30",
        },
        "15m",
    ),
    "WindlassConsoleSlow": (
        {
            'windlass_console_request_seconds_bucket{route="/", le="1"}': "0x60",
            'windlass_console_request_seconds_bucket{route="/", le="5"}': "0+9x60",
            'windlass_console_request_seconds_bucket{route="/", le="+Inf"}': "0+9x60",
        },
        "40m",
    ),
}
# One world in which all is well: nothing fires there.
_QUIET = {
    'up{job="windlass/windlass-workers", instance="a"}': "1x120",
    'windlass_queue_failed_polls_total{queue="q"}': "0x120",
    'windlass_queue_polls_total{queue="q"}': "0+10x120",
    'windlass_queue_running{queue="q"}': "3x120",
    'windlass_queue_done_total{queue="q"}': "0+99x120",
    'windlass_queue_failed_total{queue="q"}': "0+1x120",
    'windlass_queue_rejected_total{queue="q"}': "7x120",
    'windlass_queue_age_seconds_bucket{queue="q", le="300"}': "0+9x120",
    'windlass_queue_age_seconds_bucket{queue="q", le="+Inf"}': "0+9x120",
    'windlass_queue_hung{queue="q"}': "0x120",
    'windlass_queue_timed_out_total{queue="q"}': "2x120",
    'windlass_queue_lost_leases_total{queue="q"}': "2x120",
    'windlass_pipeline_refused{pipeline="p"}': "0x120",
    'windlass_aggregation_windows{rule="r", outcome="done"}': "9x120",
    'windlass_aggregation_repaired_timers_total{queue="q"}': "1x120",
    'windlass_aggregation_unmatched_total{queue="q"}': "0+1x120",
    'windlass_aggregation_events_total{queue="q"}': "0+9x120",
    'windlass_replication_seeds{state="done"}': "200x120",
    "windlass_inventory_collected_timestamp_seconds": "0+60x120",
    'windlass_inventory_scopes{state="ok"}': "900x120",
    'windlass_estate_throttled_total{service="s3", account="1", region="x"}': "0+1x120",
    'windlass_estate_calls_total{service="s3", account="1", region="x", outcome="ok"}': "0+99x120",
    'windlass_jobs{kind="inventory.collect", status="done"}': "96x120",
    'windlass_store_up{job="c"}': "1x120",
    'windlass_console_requests_total{job="c", route="/", status="200"}': "0+9x120",
    'windlass_console_request_seconds_bucket{route="/", le="1"}': "0+9x120",
    'windlass_console_request_seconds_bucket{route="/", le="+Inf"}': "0+9x120",
}


def test_every_alert_has_a_world_in_which_it_fires():
    assert list(_FIRES) == [rule["alert"] for rule in RULES]
    for world in (_QUIET, *(given for given, _ in _FIRES.values())):
        for one in world:
            for name, labels in selectors(one):
                assert set(labels) <= SERIES[name] | TARGET_LABELS, one


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not on the PATH (Debian's package prometheus has it)")
def test_promtool_takes_the_rules_and_each_fires_when_it_should(tmp_path):
    def world(name, given, at, expected):
        return {
            "name": name,
            "interval": "1m",
            "input_series": [{"series": one, "values": values} for one, values in given.items()],
            "promql_expr_test": [
                {
                    "expr": 'count(ALERTS{alertstate="firing"}) by (alertname)',
                    "eval_time": at,
                    "exp_samples": [{"labels": f'{{alertname="{one}"}}', "value": 1} for one in expected],
                }
            ],
        }

    tests = [world(name, given, at, [name]) for name, (given, at) in _FIRES.items()]
    tests.append(world("all is well", _QUIET, "100m", []))
    (tmp_path / "tests.yaml").write_text(
        json.dumps({"rule_files": [str(FOLDER / "alerts.yaml")], "evaluation_interval": "1m", "tests": tests})
    )
    for words in (["check", "rules", str(FOLDER / "alerts.yaml")], ["test", "rules", str(tmp_path / "tests.yaml")]):
        ran = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_compose_scrapes_with_these_rules():
    scrape = yaml.safe_load((DEPLOY / "docker/prometheus.yml").read_text())
    assert scrape["rule_files"] == ["alerts.yaml"]
    assert all("windlass" in one["job_name"] for one in scrape["scrape_configs"]), "WindlassTargetDown looks for it"

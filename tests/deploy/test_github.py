"""The workflow example: every command, option, rule and condition in it is one that Windlass has."""

import re
import shlex
import subprocess

import pytest
import yaml

from tests.deploy.reading import DEPLOY, find_tool, parse_command
from windlass.clients.rules import RULES
from windlass.core import clock
from windlass.inventory.catalog import CATALOG
from windlass.inventory.filters import parse_query
from windlass.settings import load

FILE = DEPLOY / "github/windlass.yml"
TEXT = FILE.read_text("utf-8")
WORKFLOW = yaml.safe_load(TEXT)
ROOT = DEPLOY.parent
USES = re.compile(r"\s*(?:- )?uses:\s")
PINNED = re.compile(r"(?:- )?uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40})  # (v\d+\.\d+\.\d+)")
ACTIONLINT = find_tool("actionlint")


def steps():
    for job in WORKFLOW["jobs"].values():
        yield from job["steps"]


def commands():
    """The words of each `windlass …` in the steps' scripts."""
    for step in steps():
        for line in re.findall(r"(?:^|\(|; )(windlass [^;)\n]+)", step.get("run", ""), re.MULTILINE):
            yield shlex.split(line.replace("$TRAIL_BUCKET", "trail"))


def test_every_command_is_one_that_windlass_has():
    parsed = [parse_command(words) for words in commands()]
    names = [name for name, _ in parsed]
    assert names == [
        "clients scan",
        "clients report",
        "whoami",
        "inventory collect",
        "inventory list",
        "inventory list",
        "inventory diff",
        "inventory changes",
    ]


def test_rules_types_and_conditions_are_there():
    rules = {rule.name for rule in RULES}
    kinds = {kind.name for kind in CATALOG}
    for name, params in map(parse_command, commands()):
        for key in ("rules", "fail_on"):
            if params.get(key):
                assert set(params[key].split(",")) <= rules
        if name == "inventory list":
            assert set(params["names"]) <= kinds
        conditions = params.get("where") or params.get("conditions") or ()
        assert parse_query((), conditions, now=clock.now())


def test_what_is_reported_on_is_what_fails_the_run():
    (report,) = (params for name, params in map(parse_command, commands()) if name == "clients report")
    assert set(report["fail_on"].split(",")) <= set(report["rules"].split(","))


def test_settings_in_the_environment_are_there(tmp_path):
    variables = {name: "eu-west-1" if "${{" in value else value for name, value in WORKFLOW["env"].items()}
    loaded = load(environ=variables, cwd=tmp_path)
    assert loaded.settings.estate.home_region == "eu-west-1"
    assert variables["WINDLASS_ENV"] not in loaded.settings.estate.production_like, (
        "keys in the environment would be refused"
    )


def test_it_may_do_little_and_keeps_no_key():
    assert WORKFLOW["permissions"] == {}
    for job in WORKFLOW["jobs"].values():
        assert job["permissions"] == {"id-token": "write", "contents": "read"}
        assert job["timeout-minutes"] <= 60
    assert "secrets." not in TEXT
    for step in steps():
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", ""), "an expression in a script is code that others write"


def test_every_action_in_an_example_is_pinned_by_commit_and_says_its_version():
    """A tag can be moved to other code, which would then run with the role; a page of the guide is copied as it stands."""
    places = [DEPLOY, ROOT / "docs", ROOT / "README.md", ROOT / ".github"]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    texts = {file: file.read_text("utf-8") for file in files if file.suffix in (".yml", ".yaml", ".md")}
    used = [(file.name, line.strip()) for file, text in texts.items() for line in text.splitlines() if USES.match(line)]
    assert len(used) >= 7
    assert [action for action in used if not PINNED.fullmatch(action[1])] == []
    commits = {}
    for _, line in used:
        action, commit, version = PINNED.fullmatch(line).groups()
        assert commits.setdefault(action, (commit, version)) == (commit, version), "one action, one commit"


def test_the_first_run_does_not_fail_because_all_is_new():
    names = [step.get("name", "") for step in WORKFLOW["jobs"]["inventory"]["steps"]]
    assert names.index("Is there a history") < names.index("Collect")
    (diff,) = (step for step in steps() if "--exit-code" in step.get("run", ""))
    assert diff["if"] == "steps.history.outputs.known == 'yes'"


@pytest.mark.skipif(not ACTIONLINT, reason="actionlint is not on the PATH")
def test_actionlint_has_nothing_to_say():
    ran = subprocess.run([ACTIONLINT, "-no-color", str(FILE)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout

"""This repository's own workflows: least permissions, actions pinned by commit, no expression in a script, and what they call exists."""

import re
import subprocess

import pytest
import yaml

from tests.deploy.reading import ROOT, find_tool

FOLDER = ROOT / ".github/workflows"
WORKFLOWS = {file.name: yaml.safe_load(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.yml"))}
JOBS = {f"{name}:{key}": job for name, workflow in WORKFLOWS.items() for key, job in workflow["jobs"].items()}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
ACTIONLINT = find_tool("actionlint")
# Jobs that may change something outside of the run, and what.
WRITERS = {
    "release.yml:attest": {"id-token", "attestations"},
    "release.yml:pypi": {"id-token"},
    "release.yml:image": {"packages", "id-token", "attestations"},
    "release.yml:chart": {"packages", "id-token", "attestations"},
    "release.yml:github": {"contents"},
}


def scripts(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflows_are_those_that_the_docs_name():
    assert sorted(WORKFLOWS) == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_nothing_is_permitted_at_the_top_and_runs_do_not_pile_up(workflow):
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_least_permissions_and_an_end(name):
    job = JOBS[name]
    writes = {key for key, value in job["permissions"].items() if value == "write"}
    assert writes == WRITERS.get(name, set())
    assert set(job["permissions"]) - writes <= {"contents"}
    assert job["timeout-minutes"] <= 180


@pytest.mark.parametrize("name", JOBS)
def test_a_step_is_pinned_keeps_no_key_and_runs_no_expression(name):
    """Actions are pinned in tests/deploy/test_github.py, too, with their versions: here by form, for each step."""
    for step in JOBS[name]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"])
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), "an expression in a script is code that others write"
        assert "secrets." not in str(step)


def test_what_is_published_was_tried_before():
    jobs = WORKFLOWS["release.yml"]["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "build": None,
        "try": "build",
        "attest": "try",
        "pypi": "attest",
        "image": "attest",
        "chart": "image",
        "github": ["pypi", "image", "chart"],
    }
    assert jobs["pypi"]["environment"] == "pypi", "reviewers of the environment agree before anything is published"
    assert WORKFLOWS["release.yml"][True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads the key `on` as true


def test_each_python_that_is_promised_is_tested():
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert promised == re.findall(r"Python :: (3\.\d+)", (ROOT / "local/pyproject.toml").read_text("utf-8"))
    for name in ("ci.yml:test", "release.yml:try"):
        assert JOBS[name]["strategy"]["matrix"]["python"] == promised


@pytest.mark.parametrize("name", JOBS)
def test_every_target_of_make_is_there(name):
    for script in scripts(JOBS[name]):
        for target in re.findall(r"\bmake ([\w-]+)", script):
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_of_an_issue_asks_for_what_its_reader_needs(name):
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text("utf-8"))
    assert {"name", "description", "labels", "body"} == set(form)
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_a_pull_request_is_asked_for_targets_and_pages_that_exist():
    text = (ROOT / ".github/pull_request_template.md").read_text("utf-8")
    for target in re.findall(r"`make ([\w-]+)`", text):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for path in re.findall(r"`([\w./-]+[./][\w/]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.skipif(not ACTIONLINT, reason="actionlint is not on the PATH: make tools")
def test_actionlint_has_nothing_to_say():
    command = [ACTIONLINT, "-no-color", *map(str, sorted(FOLDER.glob("*.yml")))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout

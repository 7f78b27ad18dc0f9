"""The guides of deploy: what they tell people to type and to write is what there is."""

import json
import re
import shlex

import jsonschema
import pytest
import yaml

from tests.deploy.reading import DEPLOY, ROOT, containers, documents, faults, find_tool, parse_command, pods
from tests.deploy.test_helm import POSTGRESQL, rendered
from windlass.queues.config import ConsumeConfig

GUIDES = {
    name: (ROOT / f"docs/guide/deploy/{name}.md").read_text("utf-8")
    for name in ("README", "kubernetes", "docker", "monitoring", "runbook")
}
VALUES = yaml.safe_load((DEPLOY / "helm/windlass/values.yaml").read_text())
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDES["kubernetes"], re.DOTALL)]


def typed(guide):
    """Commands of the console blocks, continued lines joined."""
    for block in re.findall(r"```console\n(.*?)```", GUIDES[guide], re.DOTALL):
        for line in re.sub(r" \\\n\s*", " ", block).splitlines():
            if line.startswith("$ "):
                yield from line[2:].split(" && ")


@pytest.mark.parametrize("guide", GUIDES)
def test_files_named_are_there(guide):
    for path in re.findall(
        r"(?<![\w/.-])(deploy/(?!windlass-)[\w./*-]+|tests/[\w./-]+|requirements/[\w.*-]+)", GUIDES[guide]
    ):
        others = ("deploy/terraform", "deploy/cloudformation")  # made by other parts of the repository
        if not path.startswith(others):
            assert list(ROOT.glob(path.rstrip("./"))), f"{guide}.md names {path}"


@pytest.mark.parametrize("guide", ["kubernetes", "docker", "monitoring"])
def test_windlass_inside_containers_is_called_as_it_can_be(guide):
    count = 0
    for line in typed(guide):
        words = shlex.split(line, comments=True)
        if words[:2] == ["kubectl", "exec"]:
            assert parse_command(words[words.index("--") + 1 :])
            count += 1
        elif words[:2] == ["docker", "run"]:
            assert parse_command(["windlass", *words[words.index("windlass:0.1.0") + 1 :]])
            count += 1
        elif words[0] == "windlass":
            parse_command(words)
            count += 1
    assert count


def test_build_arguments_are_the_dockerfiles():
    dockerfile = (DEPLOY / "docker/Dockerfile").read_text()
    for name, value in re.findall(r"`(LOCKS|PYTHON)=\"?([^`\"]+)\"?`", GUIDES["docker"]):
        assert f"ARG {name}=" in dockerfile
        if name == "LOCKS":
            for lock in value.split():
                assert (ROOT / f"requirements/{lock}.lock").exists()


def test_keys_set_on_the_command_line_are_values():
    for guide in ("kubernetes", "monitoring"):
        for line in typed(guide):
            for key in re.findall(r"--set ([\w.]+)=", line):
                held = VALUES
                for part in key.split("."):
                    assert part in held or held == {}, key
                    held = held.get(part, {})


def test_values_in_the_guide_fit_the_schema():
    assert len(BLOCKS) == 2
    schema = json.loads((DEPLOY / "helm/windlass/values.schema.json").read_text())
    for block in BLOCKS:
        jsonschema.validate(block, schema)


@pytest.mark.skipif(not find_tool("helm"), reason="helm is not on the PATH")
def test_values_in_the_guide_render_and_the_grace_periods_are_those_it_tells(tmp_path):
    docs = rendered(POSTGRESQL, tmp_path, BLOCKS[0] | BLOCKS[1] | {"workerDefaults": {"keda": {"enabled": False}}})
    for doc in docs:
        assert not faults(doc, "1.37"), doc["kind"]
    grace = {owner["metadata"]["name"]: pod["spec"].get("terminationGracePeriodSeconds") for owner, pod in pods(docs)}
    documented = [
        int(number)
        for number in re.findall(
            r"^\| (?:consume, pipeline|aggregate) \|.*\| (\d+) \|$", GUIDES["kubernetes"], re.MULTILINE
        )
    ]
    assert documented == [grace["windlass-worker-yaml"], grace["windlass-worker-shares"]]
    assert grace["windlass-worker-orders"] == documented[0] - ConsumeConfig.model_fields["drain_s"].default + 60
    assert all(containers(pod)[0]["image"] == "YOUR-REGISTRY/windlass:0.1.0" for _, pod in pods(docs))


def test_requests_add_up_to_what_the_costs_say():
    containers = [
        VALUES["console"]["resources"],
        *[VALUES["workerDefaults"]["resources"]] * 2,
        VALUES["collector"]["resources"],
    ]
    cpu = sum(int(container["requests"]["cpu"].removesuffix("m")) for container in containers) / 1000
    memory = sum(int(container["requests"]["memory"].removesuffix("Mi")) for container in containers) / 1024
    documented = re.search(r"\(([\d.]+) CPU, ([\d.]+) GiB\)", GUIDES["kubernetes"])
    assert (float(documented[1]), float(documented[2])) == (cpu, pytest.approx(memory, abs=0.06))


def test_rendered_documents_of_the_guide_are_no_strangers():
    for name in re.findall(r"`deploy/kubernetes/([\w-]+\.yaml)`", " ".join(GUIDES.values())):
        assert documents((DEPLOY / "kubernetes" / name).read_text())

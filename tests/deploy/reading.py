"""What the tests of `deploy/` share: reading manifests, checking them by schema, and checking command lines against the code."""

import json
import os
import shutil
import tomllib
from functools import cache
from pathlib import Path

import click
import jsonschema
import yaml

from windlass.cli.reference import walk
from windlass.settings import load
from windlass.settings.load import Loaded

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = ("1.36", "1.37")
ROOT_OPTIONS = {"--config": 1, "-c": 1, "--store": 1, "--profile": 1, "--endpoint-url": 1, "--debug": 0}


def documents(text):
    """The YAML documents of a file, empty ones left out."""
    return [document for document in yaml.safe_load_all(text) if document]


def kinds(docs, kind):
    return [doc for doc in docs if doc["kind"] == kind]


def find_tool(name):
    """A program on the PATH, or where `go install` puts it."""
    places = [os.environ.get("GOBIN", ""), f"{os.environ.get('GOPATH', '')}/bin", str(Path.home() / "go/bin")]
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(place for place in places if place))


@cache
def _schemas(version):
    validators = {}
    for file in (f"kubernetes-{version}.json", "keda-2.20.json", "prometheus-operator-0.93.json"):
        held = json.loads((SCHEMAS / file).read_text())
        for kind, schema in held["kinds"].items():
            validators[kind] = jsonschema.Draft7Validator(schema | {"definitions": held.get("definitions", {})})
    return validators


def faults(doc, version):
    """What a Kubernetes object lacks or has too much, by the schema of its kind; an unknown kind is a fault."""
    validator = _schemas(version).get(doc.get("kind", ""))
    if validator is None:
        return [f"no schema of kind {doc.get('kind')}"]
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(doc)]


def pods(docs):
    """(owner, pod template) of everything that runs pods."""
    for doc in docs:
        if doc["kind"] == "Deployment":
            yield doc, doc["spec"]["template"]
        elif doc["kind"] == "CronJob":
            yield doc, doc["spec"]["jobTemplate"]["spec"]["template"]


def containers(template):
    spec = template["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def command_line(container):
    return [*container.get("command", ()), *container.get("args", ())]


def parse_command(argv):
    """The words of `windlass …` after the root's options, parsed by the real command: (command's name, its parameters)."""
    assert argv[0] == "windlass", argv
    rest = list(argv[1:])
    while rest and rest[0] in ROOT_OPTIONS:
        rest = rest[1 + ROOT_OPTIONS[rest[0]] :]
    known = dict(walk())
    name = next((" ".join(rest[:size]) for size in (3, 2, 1) if " ".join(rest[:size]) in known), "")
    assert name, f"windlass has no command {' '.join(rest)!r}"
    command = known[name]
    left = rest[len(name.split()) :]
    while getattr(command, "commands", None):  # groups below what `walk` lists
        assert left[:1], f"windlass {name} wants a command"
        assert left[0] in command.commands, f"windlass {name} has no command {left[0]}"
        command, name, left = command.commands[left[0]], f"{name} {left[0]}", left[1:]
    try:
        context = command.make_context(f"windlass {name}", left)
    except Exception as error:
        if isinstance(error, click.ClickException) or hasattr(error, "format_message"):
            raise AssertionError(f"windlass {' '.join(rest)}: {error.format_message()}") from None
        raise
    return name, context.params


def environment(container, **values):
    """The container's environment as the kubelet makes it: references replaced, secrets by what `values` say."""
    environment = {}
    for variable in container.get("env", ()):
        if "value" in variable:
            text = variable["value"]
            for name, value in environment.items():
                text = text.replace(f"$({name})", value)
        else:
            text = values.get(variable["name"], "from-elsewhere")
        environment[variable["name"]] = text
    return environment


def settings_of(toml, tmp_path, environ) -> Loaded:
    """The configuration as Windlass itself reads it."""
    tomllib.loads(toml)
    (tmp_path / "windlass.toml").write_text(toml, "utf-8")
    own = {name: value for name, value in environ.items() if name.startswith("WINDLASS_")}
    return load(config="windlass.toml", environ=own, cwd=tmp_path)

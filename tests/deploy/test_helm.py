"""The chart, rendered by helm: the committed manifests are its, every variant is valid, and contradictions are refused."""

import json
import os
import subprocess

import jsonschema
import pytest
import yaml

from tests.deploy.reading import (
    DEPLOY,
    KUBERNETES,
    command_line,
    containers,
    documents,
    environment,
    faults,
    find_tool,
    kinds,
    parse_command,
    pods,
    settings_of,
)

CHART = DEPLOY / "helm/windlass"
HELM = find_tool("helm")
needs_helm = pytest.mark.skipif(not HELM, reason="helm is not on the PATH, nor where `go install` puts it")
VARIANTS = sorted(file.stem for file in (CHART / "ci").glob("*.yaml"))
POSTGRESQL, SQLITE = "postgresql-irsa-keda", "sqlite-pod-identity"


def helm(*words, values=None, tmp_path=None):
    """helm's exit code, stdout and stderr; `values` go in as a file."""
    extra = []
    if values is not None:
        (tmp_path / "values.yaml").write_text(json.dumps(values))  # YAML 1.1 would read a key `n` as false
        extra = ["--values", str(tmp_path / "values.yaml")]
    environ = os.environ | {
        "HELM_CACHE_HOME": str(tmp_path or "/nonexistent"),
        "HELM_CONFIG_HOME": str(tmp_path or "/nonexistent"),
    }
    return subprocess.run([HELM, *words, *extra], capture_output=True, text=True, timeout=120, check=False, env=environ)


def template(variant, tmp_path, values=None, version="1.37.0"):
    return helm(
        "template",
        "windlass",
        str(CHART),
        "--namespace",
        "windlass",
        "--kube-version",
        version,
        "--values",
        str(CHART / f"ci/{variant}.yaml"),
        values=values,
        tmp_path=tmp_path,
    )


def rendered(variant, tmp_path, values=None, version="1.37.0"):
    ran = template(variant, tmp_path, values, version)
    assert ran.returncode == 0, ran.stderr
    return documents(ran.stdout)


@needs_helm
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_committed_manifests_are_the_charts(variant, tmp_path):
    committed = documents((DEPLOY / f"kubernetes/{variant}.yaml").read_text("utf-8"))
    assert rendered(variant, tmp_path) == committed, "run `make manifests`"


@needs_helm
@pytest.mark.parametrize("variant", VARIANTS)
def test_helm_lint_has_nothing_to_say(variant, tmp_path):
    ran = helm(
        "lint",
        str(CHART),
        "--strict",
        "--kube-version",
        "1.37.0",
        "--values",
        str(CHART / f"ci/{variant}.yaml"),
        tmp_path=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "WARNING" not in ran.stdout
    assert "ERROR" not in ran.stdout


_OTHERS = {
    "KEDA off": (POSTGRESQL, {"workerDefaults": {"keda": {"enabled": False}}}),
    "Pod Identity with PostgreSQL and KEDA": (POSTGRESQL, {"identity": {"mode": "podIdentity", "roleArn": ""}}),
    "IRSA with SQLite": (SQLITE, {"identity": {"mode": "irsa", "roleArn": "arn:aws:iam::111111111111:role/windlass"}}),
    "a role that KEDA assumes": (POSTGRESQL, {"keda": {"roleArn": "arn:aws:iam::111111111111:role/keda-sqs"}}),
    "the collector beside a PostgreSQL console": (POSTGRESQL, {"collector": {"mode": "sidecar"}}),
    "no collector": (POSTGRESQL, {"collector": {"mode": "off"}}),
    "no console": (POSTGRESQL, {"console": {"enabled": False}}),
    "no workers": (POSTGRESQL, {"workers": []}),
    "SQLite watched": (SQLITE, {"monitoring": {"enabled": True, "consoleTokenSecret": {"name": "token"}}}),
    "an existing volume": (SQLITE, {"database": {"persistence": {"existingClaim": "mine"}}}),
    "an Ingress without TLS": (SQLITE, {"console": {"ingress": {"enabled": True, "hosts": ["w.example.com"]}}}),
    "an image by digest": (SQLITE, {"image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": ["registry"]}}),
    "another ServiceAccount": (SQLITE, {"serviceAccount": {"create": False, "name": "mine"}}),
    "placed": (
        SQLITE,
        {
            "workerDefaults": {
                "nodeSelector": {"kubernetes.io/arch": "arm64"},
                "priorityClassName": "high",
                "podAnnotations": {"a": "b"},
                "tolerations": [{"key": "spot", "operator": "Exists"}],
                "env": [{"name": "A", "value": "b"}],
                "affinity": {"nodeAffinity": {}},
                "envFrom": [{"secretRef": {"name": "orders"}}],
            },
            "commonLabels": {"team": "storage"},
            "podLabels": {"mesh": "off"},
        },
    ),
    "IPv6": (SQLITE, {"listenOn": "::", "networkPolicy": {"httpsCidrs": ["::/0"]}}),
    "bare": (
        SQLITE,
        {
            "networkPolicy": {"enabled": False},
            "podDisruptionBudget": {"enabled": False},
            "topologySpread": {"enabled": False},
            "console": {"waitForToken": False},
        },
    ),
}


@needs_helm
@pytest.mark.parametrize("name", _OTHERS)
@pytest.mark.parametrize("version", KUBERNETES)
def test_other_variants_are_valid(name, version, tmp_path):
    variant, values = _OTHERS[name]
    docs = rendered(variant, tmp_path, values, version=f"{version}.0")
    assert docs
    for doc in docs:
        assert not faults(doc, version), f"{doc['kind']} {doc['metadata']['name']}"
    names = [(doc["kind"], doc["metadata"]["name"]) for doc in docs]
    assert len(names) == len(set(names))


@needs_helm
def test_whose_identity_keda_asks_by(tmp_path):
    def asks(values):
        (identity,) = kinds(rendered(POSTGRESQL, tmp_path, values), "TriggerAuthentication")
        return identity["spec"]["podIdentity"]

    assert asks({}) == {"provider": "aws", "identityOwner": "workload"}
    assert asks({"identity": {"mode": "podIdentity", "roleArn": ""}}) == {"provider": "aws", "identityOwner": "keda"}
    role = "arn:aws:iam::111111111111:role/keda-sqs"
    assert asks({"keda": {"roleArn": role}}) == {"provider": "aws", "roleArn": role}


def _worker(**values):
    base = {"name": "orders", "kind": "consume", "settings": {"queue": "orders", "handler": "shop.orders:handle"}}
    return {"workers": [base | values | {"settings": base["settings"] | values.get("settings", {})}]}


_RULE = {
    "name": "shares",
    "kind": "aggregate",
    "entries": [{"name": "r", "queue": "q", "action": {"kind": "storage-gateway-refresh"}}],
}
_REFUSED = {
    "a grace period below wait + drain + flush": (
        SQLITE,
        _worker(terminationGracePeriodSeconds=47),
        "less than the 53 s",
    ),
    "the same, of settings of its own": (
        SQLITE,
        _worker(terminationGracePeriodSeconds=60, settings={"drain_s": 120}),
        "less than the 148 s",
    ),
    "an aggregator's, which is the same": (
        POSTGRESQL,
        {"workers": [_RULE | {"terminationGracePeriodSeconds": 52}]},
        "less than the 53 s",
    ),
    "a drain that ends before the long poll": (SQLITE, _worker(settings={"drain_s": 10}), "drain_s = 10 ends before"),
    "a read timeout below the long poll": (SQLITE, _worker(settings={"read_timeout_s": 20}), "read_timeout_s = 20"),
    "a visibility below the read timeout": (SQLITE, _worker(settings={"visibility_s": 30}), "visibility_s = 30"),
    "a setting there is none of": (SQLITE, _worker(settings={"conurrency": 3}), "conurrency"),
    "grace_s by hand": (SQLITE, _worker(settings={"grace_s": 99}), "grace_s"),
    "a store shared by SQLite": (
        SQLITE,
        _worker(settings={"idempotency": "store"}),
        "needs database.kind = postgresql",
    ),
    "timers shared by SQLite": (SQLITE, {"workers": [_RULE]}, "needs table and timers"),
    "an aggregator scaled to none": (
        POSTGRESQL,
        {
            "workers": [
                _RULE | {"queueUrl": "https://sqs.eu-west-1.amazonaws.com/111111111111/q", "keda": {"enabled": True}}
            ]
        },
        "minReplicas must be 1",
    ),
    "KEDA without a queue's URL": (SQLITE, _worker(keda={"enabled": True}), "needs queueUrl"),
    "two queues behind one health port": (
        POSTGRESQL,
        {
            "workers": [
                {
                    "name": "p",
                    "kind": "pipeline",
                    "entries": [{"name": "a", "queue": "a"}, {"name": "b", "queue": "b"}],
                    "keda": {"enabled": False},
                }
            ]
        },
        "one and the same queue",
    ),
    "IRSA without a role": (POSTGRESQL, {"identity": {"roleArn": ""}}, "needs identity.roleArn"),
    "Pod Identity with a role": (
        SQLITE,
        {"identity": {"roleArn": "arn:aws:iam::111111111111:role/x"}},
        "by the association",
    ),
    "KEDA by an annotation there is none of": (SQLITE, {"keda": {"identityOwner": "workload"}}, "Pod Identity has not"),
    "two consoles on SQLite": (SQLITE, {"console": {"replicas": 2}}, "there is one console"),
    "metrics of the console without a token": (SQLITE, {"monitoring": {"enabled": True}}, "consoleTokenSecret"),
    "root": (SQLITE, {"runAsUser": 0}, "runAsUser"),
    "a section the chart makes": (SQLITE, {"config": {"store": {"url": "sqlite:///x.db"}}}, "store"),
    "a password in plain": (POSTGRESQL, {"database": {"password": "hunter2"}}, "password"),
    "two workers of a name": (SQLITE, {"workers": _worker()["workers"] * 2}, "two workers are named orders"),
}


@needs_helm
@pytest.mark.parametrize("name", _REFUSED)
def test_contradictions_are_refused(name, tmp_path):
    variant, values, message = _REFUSED[name]
    ran = template(variant, tmp_path, values)
    assert ran.returncode != 0, "it was rendered"
    assert message in ran.stderr


@needs_helm
@pytest.mark.parametrize(
    ("settings", "grace_s"),
    [
        ({}, 53),
        ({"drain_s": 21, "flush_s": 1}, 47),
        ({"wait_s": 5, "drain_s": 6.5, "flush_s": 0.6}, 18),
        ({"wait_s": 0, "drain_s": 1}, 9),
        ({"drain_s": 3600}, 3628),
    ],
)
def test_the_grace_period_is_computed_from_the_workers_own_settings(settings, grace_s, tmp_path):
    docs = rendered(SQLITE, tmp_path, _worker(settings=settings))
    pod = next(pod for owner, pod in pods(docs) if owner["metadata"]["name"] == "windlass-worker-orders")
    assert pod["spec"]["terminationGracePeriodSeconds"] == grace_s
    (held,) = kinds(docs, "ConfigMap")
    (config,) = settings_of(held["data"]["windlass.toml"], tmp_path, {}).settings.consume
    assert config.grace_s == grace_s
    assert config.wait_s + config.drain_s + config.flush_s < grace_s
    assert config.limits().grace_s <= grace_s


@needs_helm
def test_what_is_given_reaches_windlass_as_it_is(tmp_path):
    """Texts with quotes, lines and signs, numbers, lists and tables, through YAML, helm, TOML and back."""
    awkward = 'a "quoted" \\ back\nline <&> ünï ⚓ {{ not a template }}'
    entry = {
        "name": "odd",
        "queue": "q",
        "source": "s3://b/",
        "target": "s3://c/{key}",
        "metadata": {"a.b c": awkward, "n": "1"},
        "suffix": [".yaml", 'x"y'],
        "concurrency": 3,
        "part_bytes": 16777216,
        "mirror_deletes": True,
        "transform": [{"step": "yaml-to-json", "schema": "1.2", "indent": False}],
    }
    values = {
        "workers": [{"name": "odd", "kind": "pipeline", "keda": {"enabled": False}, "entries": [entry]}],
        "config": {"inventory": {"redact_paths": [awkward]}, "memcached": {"hourly_prices": {"cache.r7g.large": 0.19}}},
        "extraConfig": '[[replicate]]\nname = "logs"\npairs = [["a", "b"]]\n',
    }
    docs = rendered(POSTGRESQL, tmp_path, values)
    (held,) = kinds(docs, "ConfigMap")
    settings = settings_of(held["data"]["windlass.toml"], tmp_path, {}).settings
    assert settings.pipeline[0].model_dump(include=set(entry)) == entry
    assert settings.inventory.redact_paths == [awkward]
    assert settings.memcached.hourly_prices == {"cache.r7g.large": 0.19}
    assert settings.replicate[0].pairs


@needs_helm
def test_a_changed_setting_renews_the_pods_and_an_unchanged_one_does_not(tmp_path):
    def sums(values):
        return {
            pod["metadata"]["annotations"]["checksum/config"] for owner, pod in pods(rendered(SQLITE, tmp_path, values))
        }

    assert len(sums({})) == 1
    assert sums({}) == sums({})
    assert sums({}) != sums({"config": {"inventory": {"interval_s": 60}}})


@needs_helm
def test_in_an_ipv6_cluster_everything_listens_there(tmp_path):
    docs = rendered(SQLITE, tmp_path, {"listenOn": "::"})
    (held,) = kinds(docs, "ConfigMap")
    for name in ("windlass.toml", "collector.toml"):
        assert settings_of(held["data"][name], tmp_path, {}).settings.console.host == "::"
    worker = next(pod for owner, pod in pods(docs) if owner["metadata"]["name"] == "windlass-worker-orders")
    _, params = parse_command(command_line(containers(worker)[0]))
    assert params["host"] == "::"


@needs_helm
def test_a_sidecar_collector_is_scraped_and_reachable(tmp_path):
    docs = rendered(SQLITE, tmp_path, {"monitoring": {"enabled": True, "consoleTokenSecret": {"name": "token"}}})
    (monitor,) = kinds(docs, "ServiceMonitor")
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ["http", "collector"]
    policy = next(kind for kind in kinds(docs, "NetworkPolicy") if kind["metadata"]["name"] == "windlass-console")
    assert {"http", "collector"} == {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    console = next(pod for owner, pod in pods(docs) if owner["metadata"]["name"] == "windlass-console")
    collector = next(container for container in containers(console) if container["name"] == "collector")
    assert "10.1.2.3" in environment(collector, POD_IP="10.1.2.3")["WINDLASS_CONSOLE_ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize(
    "file", [CHART / "values.yaml", *sorted((CHART / "ci").glob("*.yaml"))], ids=lambda file: file.name
)
def test_values_fit_their_schema(file):
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(file.read_text()), schema)

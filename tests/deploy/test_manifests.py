"""What is committed under deploy/kubernetes, held against Kubernetes' schemas and against the code that will run there. No helm needed."""

import json
import re

import httpx
import pytest
import yaml
from pydantic import TypeAdapter

from tests.console.site import served
from tests.deploy.reading import (
    DEPLOY,
    KUBERNETES,
    SCHEMAS,
    command_line,
    containers,
    documents,
    environment,
    faults,
    kinds,
    parse_command,
    pods,
    settings_of,
)
from windlass.api.auth import RequestFacts, Role, authorize
from windlass.api.tokens import create_token
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import AccessDenied, ConfigError
from windlass.present.assignments import parse_assignments
from windlass.queues.config import ConsumeConfig
from windlass.queues.health import HealthPort
from windlass.settings import load

FILES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
GOLDEN = [file for file in FILES if file.name != "namespace.yaml"]
POSTGRESQL, SQLITE = "postgresql-irsa-keda.yaml", "sqlite-pod-identity.yaml"


def read(name):
    return documents((DEPLOY / "kubernetes" / name).read_text("utf-8"))


def config_of(docs, name="windlass.toml"):
    (held,) = kinds(docs, "ConfigMap")
    return held["data"][name]


def workers(docs):
    return [kind for kind in kinds(docs, "Deployment") if "-worker-" in kind["metadata"]["name"]]


def console(docs):
    return next(kind for kind in kinds(docs, "Deployment") if kind["metadata"]["name"].endswith("-console"))


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_object_is_valid(file, version):
    for doc in documents(file.read_text("utf-8")):
        assert not faults(doc, version), f"{doc['kind']} {doc['metadata']['name']}"


def test_the_schemas_refuse_what_is_wrong():
    (deployment, *_) = workers(read(POSTGRESQL))
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    assert "readinesProbe" in faults(deployment, KUBERNETES[0])[0]
    (scaled, *_) = kinds(read(POSTGRESQL), "ScaledObject")
    scaled["spec"]["triggers"][0]["metadata"]["scaleOnInFlight"] = True  # KEDA takes texts only
    assert faults(scaled, KUBERNETES[0])


def test_the_schemas_say_where_they_are_from():
    for file in sorted(SCHEMAS.glob("*.json")):
        source = json.loads(file.read_text())["source"]
        assert source["name"].startswith("pypi:")
        assert source["version"]
        assert source["licence"] == "Apache-2.0"
        assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"])
        assert file.stat().st_size < 60_000


def test_all_variants_are_there():
    postgresql, sqlite = read(POSTGRESQL), read(SQLITE)
    (irsa,), (identity,) = kinds(postgresql, "ServiceAccount"), kinds(sqlite, "ServiceAccount")
    assert irsa["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].startswith("arn:aws:iam::")
    assert "annotations" not in identity["metadata"]
    assert kinds(postgresql, "ScaledObject")
    assert kinds(postgresql, "CronJob")
    assert not kinds(postgresql, "PersistentVolumeClaim")
    assert kinds(sqlite, "PersistentVolumeClaim")
    assert {document["kind"] for document in sqlite} <= {
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }, "the smallest variant needs kubectl and nothing else: no custom resources"


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name)
class TestPods:
    def test_run_without_privileges(self, file):
        for owner, template in pods(documents(file.read_text())):
            name, spec = owner["metadata"]["name"], template["spec"]
            outer = spec["securityContext"]
            assert outer["runAsNonRoot"] is True, name
            assert outer["runAsUser"] > 0, name
            assert outer["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert spec["automountServiceAccountToken"] is False, name
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
            for container in containers(template):
                inner = container["securityContext"]
                assert inner["readOnlyRootFilesystem"] is True, name
                assert inner["allowPrivilegeEscalation"] is False, name
                assert inner["capabilities"] == {"drop": ["ALL"]}, name

    def test_can_write_where_they_must_and_nowhere_else(self, file):
        for owner, template in pods(documents(file.read_text())):
            volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
            for container in containers(template):
                mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
                assert set(mounts) == {"/etc/windlass", "/tmp", "/var/lib/windlass"}, owner["metadata"]["name"]
                assert mounts["/etc/windlass"]["readOnly"]
                assert all(mount["name"] in volumes for mount in mounts.values())
                assert volumes[mounts["/tmp"]["name"]]["emptyDir"]["sizeLimit"]
                assert container["workingDir"] == "/var/lib/windlass"
                assert environment(container)["HOME"] == "/tmp"

    def test_have_bounds(self, file):
        for _, template in pods(documents(file.read_text())):
            for container in containers(template):
                assert set(container["resources"]["requests"]) == {"cpu", "memory"}
                assert container["resources"]["limits"]["memory"]

    def test_name_no_registry_and_hold_no_secret(self, file):
        docs = documents(file.read_text())
        assert not kinds(docs, "Secret")
        for _, template in pods(docs):
            for container in containers(template):
                assert "/" not in container["image"]
                for variable in container["env"]:
                    if re.search(r"PASSWORD|TOKEN|SECRET|KEY", variable["name"]):
                        assert "secretKeyRef" in variable["valueFrom"]
        assert "://" not in re.sub(r"s3://|https://sqs\.", "", config_of(docs)), "a database URL belongs in a Secret"

    def test_are_kept_clear_of_service_links(self, file):
        for owner, template in pods(documents(file.read_text())):
            assert template["spec"]["enableServiceLinks"] is False, owner["metadata"]["name"]

    def test_run_commands_that_windlass_has(self, file):
        for _, template in pods(documents(file.read_text())):
            for container in containers(template):
                argv = command_line(container)
                if argv[:2] == ["sh", "-c"]:
                    lines = re.findall(r"windlass --config \S+ [^|\"]+", argv[2])
                    assert len(lines) == 2
                    argvs = [line.split() for line in lines]
                else:
                    argvs = [argv]
                for words in argvs:
                    parse_command(words)

    def test_get_a_configuration_that_windlass_takes(self, file, tmp_path):
        docs = documents(file.read_text())
        (held,) = kinds(docs, "ConfigMap")
        for _, template in pods(docs):
            for container in containers(template):
                argv = command_line(container)
                where = re.search(r"--config (\S+)", " ".join(argv))[1]
                name = where.removeprefix("/etc/windlass/")
                variables = environment(
                    container, POD_IP="10.1.2.3", WINDLASS_STORE_URL="postgresql://windlass@db/windlass"
                )
                loaded = settings_of(held["data"][name], tmp_path, variables)
                assert loaded.settings.console.host == "0.0.0.0"
                assert variables["WINDLASS_ENV"] in loaded.settings.estate.production_like
                assert variables["AWS_EC2_METADATA_DISABLED"] == "true"

    def test_selectors_find_their_pods_and_no_others(self, file):
        docs = documents(file.read_text())
        labels = {owner["metadata"]["name"]: template["metadata"]["labels"] for owner, template in pods(docs)}

        def found(selector):
            return [name for name, has in labels.items() if selector.items() <= has.items()]

        for doc in docs:
            if doc["kind"] in ("Deployment", "PodDisruptionBudget"):
                assert found(doc["spec"]["selector"]["matchLabels"]) == [doc["metadata"]["name"]]
            elif doc["kind"] == "Service":
                assert found(doc["spec"]["selector"]) == [doc["metadata"]["name"]]
            elif doc["kind"] in ("NetworkPolicy", "ServiceMonitor", "PodMonitor"):
                selector = doc["spec"].get("podSelector") or doc["spec"]["selector"]
                assert found(selector["matchLabels"]), doc["metadata"]["name"]
        covered = {
            name for doc in kinds(docs, "NetworkPolicy") for name in found(doc["spec"]["podSelector"]["matchLabels"])
        }
        assert covered == set(labels), "a pod without a NetworkPolicy"
        budgets = {kind["metadata"]["name"] for kind in kinds(docs, "PodDisruptionBudget")}
        assert budgets == {kind["metadata"]["name"] for kind in kinds(docs, "Deployment")}


def test_service_links_would_break_the_configuration(tmp_path):
    """Why enableServiceLinks is false: the kubelet would set these for a Service named windlass-console."""
    linked = {"WINDLASS_CONSOLE_SERVICE_HOST": "10.0.0.1", "WINDLASS_CONSOLE_PORT": "tcp://10.0.0.1:80"}
    for name, value in linked.items():
        with pytest.raises(ConfigError, match=r"not a setting|not valid"):
            load(environ={name: value}, cwd=tmp_path)


def consume_config(deployment, docs, tmp_path):
    """The settings that a worker's consumer runs with, put together as its command does."""
    (container,) = containers(deployment["spec"]["template"])
    variables = environment(container, WINDLASS_STORE_URL="postgresql://windlass@db/windlass")
    settings = settings_of(config_of(docs), tmp_path, variables).settings
    name, params = parse_command(command_line(container))
    if name == "consume":
        return next(entry for entry in settings.consume if entry.name == params["name"])
    entries = {entry.name: entry for entry in (*settings.pipeline, *settings.aggregate)}
    chosen = [entries[entry] for entry in params["names" if name == "pipeline run" else "rules"]]
    assert len({entry.queue for entry in chosen}) == 1, "one health port serves one queue"
    base = {"queue": chosen[0].queue, "handler": "-", "visibility_s": 120 if name == "pipeline run" else 70}
    return ConsumeConfig.model_validate(base | parse_assignments(params["options"]))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name)
def test_the_grace_period_outlasts_wait_drain_and_flush(file, tmp_path):
    docs = documents(file.read_text())
    assert workers(docs)
    for deployment in workers(docs):
        grace_s = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        config = consume_config(deployment, docs, tmp_path)
        assert config.limits().grace_s <= grace_s  # what the worker itself checks at its start …
        assert config.grace_s == grace_s  # … of this very number
        needed = config.wait_s + config.drain_s + config.flush_s
        assert needed < grace_s <= needed + 6, deployment["metadata"]["name"]
        assert deployment["spec"]["progressDeadlineSeconds"] > grace_s


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name)
def test_probes_ask_what_the_code_serves(file):
    served = HealthPort(alive=lambda: (True, ""), ready=lambda: (True, ""), metrics=lambda: b"")._paths
    docs = documents(file.read_text())
    for deployment in kinds(docs, "Deployment"):
        for container in containers(deployment["spec"]["template"]):
            probes = {name: container[name]["httpGet"] for name in container if name.endswith("Probe")}
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
            if container["name"] == "first-token":
                assert not probes
                continue
            assert {"startupProbe", "livenessProbe"} <= set(probes), container["name"]
            assert all(get["port"] in ports for get in probes.values())
            assert probes["livenessProbe"]["path"] == "/healthz"
            name, params = parse_command(command_line(container))
            if name in ("serve", "up"):
                assert (8470 if params["port"] is None else params["port"]) == ports[probes["livenessProbe"]["port"]]
                for get in probes.values():
                    assert _admitted(get["path"], get["httpHeaders"][0]["value"]) is Role.NOBODY
                    with pytest.raises(AccessDenied):  # without the header, the kubelet would say the pod's address
                        _admitted(get["path"], "10.1.2.3:8470")
            else:
                assert probes["readinessProbe"]["path"] == "/readyz"
                assert params["host"] == "0.0.0.0", "the kubelet asks from outside the pod"
                assert params["port"] == ports[probes["livenessProbe"]["port"]]
                assert {get["path"] for get in probes.values()} <= set(served)


def _admitted(path, host, hosts=("localhost", "127.0.0.1", "[::1]", "0.0.0.0")):
    return authorize(RequestFacts(method="GET", path=path, host=host), login_required=True, hosts=hosts)


def test_the_console_answers_probes_and_scrapes_as_the_manifests_send_them(tmp_path):
    environ = {
        "WINDLASS_CONSOLE_ALLOWED_HOSTS": "10.1.2.3,[10.1.2.3]",
        "WINDLASS_STORE_URL": f"sqlite:///{tmp_path}/w.db",
    }
    with App(load(environ=environ, cwd=tmp_path), environ={}) as app:
        _, secret = create_token(app.store, name="prometheus", role=Role.READ, now=clock.now())
        with served(app, host="0.0.0.0") as url, httpx.Client(base_url=url.replace("0.0.0.0", "127.0.0.1")) as client:
            for path in ("/healthz", "/readyz"):
                assert client.get(path, headers={"host": "localhost"}).status_code == 200
                assert client.get(path, headers={"host": "10.9.9.9:8470"}).status_code == 403
            scrape = {"host": "10.1.2.3:8470"}
            assert client.get("/metrics", headers=scrape).status_code == 401
            answer = client.get("/metrics", headers=scrape | {"authorization": f"Bearer {secret.reveal()}"})
            assert answer.status_code == 200
            assert "windlass_console_requests_total" in answer.text


def test_the_console_knows_the_names_it_is_called_by(tmp_path):
    docs = read(POSTGRESQL)
    container = next(
        container for container in containers(console(docs)["spec"]["template"]) if container["name"] == "console"
    )
    for address, called in (("10.1.2.3", "10.1.2.3:8470"), ("fd00::7", "[fd00::7]:8470")):
        variables = environment(container, POD_IP=address, WINDLASS_STORE_URL="postgresql://windlass@db/windlass")
        hosts = settings_of(config_of(docs), tmp_path, variables).settings.console.allowed_hosts
        for name in (called, "windlass-console.windlass.svc", "windlass.example.com"):
            assert _admitted("/healthz", name, hosts) is Role.NOBODY
    assert settings_of(config_of(docs), tmp_path, {}).settings.console.secure_cookies, "there is TLS in front"


def test_monitors_find_ports_and_send_a_token_where_one_is_wanted():
    docs = read(POSTGRESQL)
    (pod_monitor,), (service_monitor,) = kinds(docs, "PodMonitor"), kinds(docs, "ServiceMonitor")
    for endpoint in pod_monitor["spec"]["podMetricsEndpoints"]:
        assert endpoint["path"] == "/metrics"
        for deployment in workers(docs):
            (container,) = containers(deployment["spec"]["template"])
            assert endpoint["port"] in [port["name"] for port in container["ports"]]
    (service,) = kinds(docs, "Service")
    for endpoint in service_monitor["spec"]["endpoints"]:
        assert endpoint["path"] == "/metrics"
        assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
        with pytest.raises(AccessDenied, match="a token is required"):
            _admitted(endpoint["path"], "localhost")
        assert endpoint["authorization"]["credentials"]["name"]


def test_keda_counts_what_is_in_flight_and_takes_a_pods_own_number(tmp_path):
    docs = read(POSTGRESQL)
    names = {worker["metadata"]["name"]: worker for worker in workers(docs)}
    scaled = kinds(docs, "ScaledObject")
    assert len(scaled) == 2
    (identity,) = kinds(docs, "TriggerAuthentication")
    assert identity["spec"]["podIdentity"] == {"provider": "aws", "identityOwner": "workload"}
    for scaled_object in scaled:
        deployment = names[scaled_object["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in deployment["spec"], "a Deployment with replicas would fight KEDA at every upgrade"
        (trigger,) = scaled_object["spec"]["triggers"]
        metadata = trigger["metadata"]
        config = consume_config(deployment, docs, tmp_path)
        assert metadata["scaleOnInFlight"] == "true"
        assert metadata["activationQueueLength"] == "0"
        assert int(metadata["queueLength"]) == config.concurrency + config.prefetch
        assert metadata["queueURL"].endswith(f"/{config.queue}")
        assert trigger["authenticationRef"]["name"] == identity["metadata"]["name"]
        assert scaled_object["spec"]["fallback"]["replicas"] >= 1
    assert names["windlass-worker-shares"]["spec"]["replicas"] == 1


def test_the_network_lets_through_what_is_needed_and_never_the_nodes_role():
    for name in (POSTGRESQL, SQLITE):
        docs = read(name)
        ports = {
            port["name"]
            for _, pod in pods(docs)
            for container in containers(pod)
            for port in container.get("ports", ())
        }
        for policy in kinds(docs, "NetworkPolicy"):
            spec = policy["spec"]
            assert spec["policyTypes"] == ["Ingress", "Egress"]
            assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} <= ports
            assert all(rule["from"] for rule in spec["ingress"]), "no rule is open to everybody"
            out = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
            assert {53, 443} <= out
            assert (5432 in out) == (name == POSTGRESQL)
            assert (80 in out) == (name == SQLITE), "the Pod Identity agent, and only where it is used"
            for rule in spec["egress"]:
                for to in rule["to"]:
                    block = to.get("ipBlock", {})
                    assert block.get("cidr") != "0.0.0.0/0" or block["except"] == ["169.254.0.0/16"]
        collector = [kind for kind in kinds(docs, "NetworkPolicy") if kind["metadata"]["name"].endswith("-collector")]
        assert all(policy["spec"]["ingress"] == [] for policy in collector)


def test_with_sqlite_no_two_pods_share_a_file():
    docs = read(SQLITE)
    deployment = console(docs)
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}, "the old pod must let go of the volume first"
    assert not kinds(docs, "CronJob")
    assert [held["name"] for held in deployment["spec"]["template"]["spec"]["containers"]] == ["console", "collector"]
    for worker_deployment in workers(docs):
        (worker,) = containers(worker_deployment["spec"]["template"])
        assert "--no-store" in worker["args"]
    collector = config_of(docs, "collector.toml")
    assert not re.search(r"\[\[(consume|pipeline|aggregate)\]\]", collector), (
        "`windlass up` would run them in the console's pod"
    )


def test_the_collector_is_tried_again_only_where_that_helps():
    from windlass.core.errors import ConfigError as Config
    from windlass.core.errors import PartialFailure, UsageError

    (job,) = kinds(read(POSTGRESQL), "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    inner = job["spec"]["jobTemplate"]["spec"]
    assert inner["template"]["spec"]["restartPolicy"] == "Never"
    (rule,) = inner["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == sorted({PartialFailure.exit_code, UsageError.exit_code, Config.exit_code})
    assert rule["onExitCodes"]["containerName"] == inner["template"]["spec"]["containers"][0]["name"]


def test_the_namespace_admits_only_what_is_restricted():
    (namespace,) = read("namespace.yaml")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name in (POSTGRESQL, SQLITE):
        assert {doc["metadata"]["namespace"] for doc in read(name)} == {namespace["metadata"]["name"]}


def test_values_schema_names_the_settings_there_are():
    from windlass.settings.load import known_keys

    schema = json.loads((DEPLOY / "helm/windlass/values.schema.json").read_text())
    settings = schema["definitions"]["settings"]["properties"]
    assert set(settings) == set(ConsumeConfig.model_fields) - {"name", "grace_s"}, "renew values.schema.json"
    assert set(schema["properties"]["config"]["properties"]) == set(known_keys()) - {"store", "console", "local"}


def test_the_charts_defaults_are_the_codes():
    values = yaml.safe_load((DEPLOY / "helm/windlass/values.yaml").read_text())
    for name, value in values["workerDefaults"]["settings"].items():
        field = ConsumeConfig.model_fields[name]
        assert TypeAdapter(field.annotation).validate_python(value) == field.default, name
    from windlass.settings.model import ConsoleConfig, LocalConfig

    assert values["console"]["port"] == ConsoleConfig().port
    assert values["collector"]["port"] == LocalConfig().port  # free in a pod: the embedded AWS never runs there

"""Actions: what a role sees is what it may do, and whatever the console does REST does with the same roles."""

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.routing import Mount

import windlass.console
from tests.console.site import opened_app, served
from tests.osquery.hosts import enrollment
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import CountEvents
from windlass.aggregation.model import Summary
from windlass.aggregation.service import Aggregation
from windlass.aggregation.tables.sql import SqlTable
from windlass.api.actions import ACTIONS
from windlass.api.auth import Role
from windlass.api.tokens import create_token
from windlass.console.application import PAGES, create_app
from windlass.core import clock
from windlass.core.errors import Interrupted
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.osquery.service import LiveRequest
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.counters import RefusedObject
from windlass.pipelines.service import Pipelines
from windlass.pipelines.store import put_refused
from windlass.store.audit_log import list_audit
from windlass_local.server import LocalServer

ACCOUNT, REGION = "111111111111", "us-east-1"
HTML, SAME = {"accept": "text/html"}, {"sec-fetch-site": "same-origin"}
NOT_ACTIONS = {"/login", "/logout"}
FOR_COLLECTORS = {"/v1/resources"}  # no person fills in a form with resources
ROLES = [Role.READ, Role.OPERATE, Role.ADMIN]


class Forms(HTMLParser):
    """The POST forms of a page: address and fields."""

    def __init__(self, text):
        super().__init__()
        self.found, self.buttons, self._open = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form":
            self._open = (values.get("action", ""), {}) if values.get("method", "get").lower() == "post" else None
            if self._open:
                self.found.append(self._open)
        if tag == "input" and self._open and "name" in values:
            self._open[1][values["name"]] = values.get("value", "")
        if tag in ("button", "input", "a", "form"):
            self.buttons += [name for name in values if name in ("formaction", "data-method", "formmethod")]

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("actions")
    with LocalServer() as aws, opened_app(folder, **{"console.require_login": True}) as opened:
        config = EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)], regions=[REGION])
        with open_estate(config, {}) as estate:
            opened.built.once("estate", lambda: estate)
            fill_queue(estate)
            aggregation = Aggregation(
                [
                    AggregateConfig.model_validate(
                        {"name": "shares", "queue": "events", "action": {"kind": "exec", "command": ["true"]}}
                    )
                ],
                estate=lambda: estate,
                queues=lambda: opened.queues,
                store=lambda: opened.store,
            )
            opened.built.once("aggregation", lambda: aggregation)
            now = clock.now()
            SqlTable(opened.store).perform(
                CountEvents("shares", "drop", "m1", 5, now.timestamp(), now.timestamp(), Summary("drop", 5))
            )
            for bucket in ("actions-raw", "actions-out"):
                estate.call(ACCOUNT, REGION, "s3", "CreateBucket", Bucket=bucket)
            pipelines = Pipelines(
                [
                    PipelineConfig.model_validate(
                        {
                            "name": "uniform",
                            "source": "s3://actions-raw/in/",
                            "transform": "yaml-to-json",
                            "target": "s3://actions-out/{path}.json",
                            "on_error": "s3://actions-out/failed/",
                        }
                    )
                ],
                estate=lambda: estate,
                queues=lambda: opened.queues,
                store=lambda: opened.store,
            )
            opened.built.once("pipelines", lambda: pipelines)
            opened.jobs.runners["copy"] = lambda running: running.report(done=1)
            yield opened


def fill_queue(estate):
    estate.call(ACCOUNT, REGION, "sqs", "CreateQueue", QueueName="actions-dlq")
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:actions-dlq", "maxReceiveCount": 3}
    estate.call(
        ACCOUNT, REGION, "sqs", "CreateQueue", QueueName="pay-0", Attributes={"RedrivePolicy": json.dumps(policy)}
    )


def send_dead_letter(estate):
    url = estate.call(ACCOUNT, REGION, "sqs", "GetQueueUrl", QueueName="actions-dlq")["QueueUrl"]
    estate.call(ACCOUNT, REGION, "sqs", "SendMessage", QueueUrl=url, MessageBody="dead")


def enroll_host(app):
    """A host that was not revoked, whatever was done to it before."""
    if not app.osquery.secrets():
        app.osquery_secret = app.osquery.create_secret("actions").reveal()
    for node in app.osquery.nodes():
        app.osquery.restore(node.node_id)
    app.osquery.agents.enroll(enrollment(app.osquery_secret, name="uniform"), "")


def situation(app):
    """Something to do of every kind: a job that waits, one that was interrupted, refused objects, a dead letter; by page."""
    send_dead_letter(app.estate)
    waiting = app.jobs.create("copy", "copy things")
    interrupted = app.jobs.create("copy", "copy things")
    with pytest.raises(Interrupted), app.jobs.run(interrupted) as running:
        running.stop.set()
        running.check()
    with app.store.write() as connection:
        for key in ("in/a.yaml", "in/b.yaml"):
            put_refused(
                connection,
                app.store,
                RefusedObject("uniform", "actions-raw", key, clock.now(), "", "malformed", "not YAML", ""),
            )
    enroll_host(app)
    return {
        "/osquery/queries/{query_id}": [f"/osquery/queries/{app.osquery.ask(LiveRequest(sql='SELECT 1')).query_id}"],
        "/jobs/{job_id}": [f"/jobs/{waiting}", f"/jobs/{interrupted}"],
        "/queues/{account}/{region}/{name}": [f"/queues/{ACCOUNT}/{REGION}/pay-0"],
        "/inventory/resource": ["/inventory/resource?ref=harbour-prod-assets"],
        "/memcached/{account}/{region}/{name}": [f"/memcached/{ACCOUNT}/{REGION}/none"],
        "/replication/{seed_id}": ["/replication/none"],
    }


@pytest.fixture(scope="module")
def site(app):
    with served(app) as url:
        yield url


@pytest.fixture(params=ROLES, ids=lambda role: role.name.lower())
def person(request, app, site):
    _, secret = create_token(app.store, name="person", role=request.param, now=clock.now())
    with httpx.Client(base_url=site, timeout=30) as client:
        mark = re.search(r'name="csrf_token" value="(\w+)"', client.get("/login", headers=HTML).text)[1]
        assert (
            client.post("/login", data={"token": secret.reveal(), "csrf_token": mark}, headers=SAME).status_code == 303
        )
        client.role, client.secret = request.param, secret.reveal()
        yield client


def page_with_dead_letters(client, address):
    """Depths are read beside the page: the first look may be before the answer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = client.get(address, headers=HTML)
        if re.search(r"holds [1-9]", answer.text):
            break
        time.sleep(0.05)
    return answer


def test_no_page_shows_a_role_a_form_that_it_may_not_send(app, person):
    addresses = situation(app)
    seen = set()
    for page in PAGES:
        for address in addresses.get(page.path, [page.path]):
            look = page_with_dead_letters if "/queues/1" in address else httpx.Client.get
            answer = look(person, address) if look is page_with_dead_letters else person.get(address, headers=HTML)
            forms = Forms(answer.text)
            assert forms.buttons == [], "a button that posts without a form would escape this test"
            for action, fields in forms.found:
                if urlsplit(action).path in NOT_ACTIONS:
                    continue
                sent = person.post(action, data=fields, headers=SAME)
                assert sent.status_code in (303, 409), f"{address}: {action} {fields}: {sent.status_code} {sent.text}"
                seen.add(next(entry.name for entry in ACTIONS if matches(entry.path, action)))
    if person.role is Role.READ:
        assert seen == set()
    else:
        shown = {
            "job.cancel",
            "job.resume",
            "queue.redrive",
            "aggregation.trigger",
            "pipeline.retry",
            "pipeline.backfill",
        }
        if person.role is Role.ADMIN:
            shown |= {"osquery.query", "osquery.revoke"}
        assert seen >= shown, "the pages of this test must show what there is to do, or it proves nothing"
        assert seen & {"aggregation.pause", "aggregation.resume"}


def matches(template, path):
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)


def test_forms_of_actions_are_written_by_the_one_macro_that_asks_for_the_role():
    folder = Path(windlass.console.__file__).parent / "templates"
    posting = {
        (file.name, action)
        for file in folder.glob("*.html")
        for form in re.findall(r"<form[^>]*>", file.read_text())
        if re.search(r"method=.?post", form, re.IGNORECASE)
        for action in re.findall(r'action="([^"]*)"', form) or [""]
    }
    assert posting == {
        ("parts.html", "{{ action_url(name, **parameters) }}"),
        ("base.html", "/logout"),
        ("login.html", "/login"),
    }


def posts(app):
    """Every POST route of the site, with whatever is included below."""
    result, rest = set(), list(create_app(app).inner.routes)
    while rest:
        route = rest.pop()
        if isinstance(route, Mount):
            continue
        rest += list(getattr(getattr(route, "original_router", None), "routes", ()))
        if "POST" in (getattr(route, "methods", None) or ()):
            result.add(route.path)
    return result


def test_every_post_of_the_console_has_a_rest_twin(app):
    result = posts(app)
    forms = {path for path in result if not path.startswith("/v1/")} - NOT_ACTIONS
    assert len(forms) >= 8
    assert {f"/v1{path}" for path in forms} == {path for path in result if path.startswith("/v1/")} - FOR_COLLECTORS
    described = create_app(app).inner.openapi()["paths"]
    for path in forms:
        assert re.findall(r"{(\w+)}", path) == [
            parameter["name"] for parameter in described[f"/v1{path}"]["post"]["parameters"]
        ]


def values_of(app, action):
    result = situation(app)
    waiting, interrupted = (address.rpartition("/")[2] for address in result["/jobs/{job_id}"])
    values = {
        "job_id": interrupted if action.name == "job.resume" else waiting,
        "account": ACCOUNT,
        "region": REGION,
        "name": "pay-0" if action.name.startswith("queue") else "uniform",
        "rule": "shares",
        "node": "uniform",
    }
    bodies = {"aggregation.trigger": {"key": "drop"}, "osquery.query": {"sql": "SELECT 1", "timeout": "10s"}}
    return values, bodies.get(action.name, {})


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name.lower())
def test_rest_performs_each_action_for_the_roles_of_the_console_and_for_no_other(app, site, action, role):
    _, secret = create_token(app.store, name="program", role=role, now=clock.now())
    values, body = values_of(app, action)
    before = len(list_audit(app.store, 10_000))
    headers = {"authorization": f"Bearer {secret.reveal()}"}
    answer = httpx.post(f"{site}/v1{action.path.format(**values)}", json=body, headers=headers, timeout=30)
    trail = list_audit(app.store, 10_000)
    if role < action.role:
        assert (answer.status_code, answer.json()["status"]) == (403, 403)
        assert action.role.name.lower() in answer.json()["detail"]
        assert len(trail) == before
    else:
        assert answer.status_code == 200, answer.text
        assert answer.json()
        assert (trail[0]["action"], trail[0]["actor"]) == (action.name, "token:program")


class TestBodies:
    @pytest.fixture
    def post(self, app, site):
        _, secret = create_token(app.store, name="program", role=Role.OPERATE, now=clock.now())
        headers = {"authorization": f"Bearer {secret.reveal()}"}
        with httpx.Client(base_url=site, headers=headers, timeout=30) as client:
            yield lambda path, body: client.post(path, json=body)

    @pytest.mark.parametrize(
        ("path", "body", "detail"),
        [
            ("/v1/aggregation/shares/trigger", {}, "needs the field 'key'"),
            ("/v1/aggregation/shares/trigger", {"kye": "drop"}, "'kye' is not a known field"),
            ("/v1/pipelines/uniform/backfill", {"origin": "/etc/passwd"}, "does not read files of the server"),
            ("/v1/pipelines/uniform/retry", ["key"], "body"),
            ("/v1/pipelines/uniform/retry", {"key": 7}, "body.key"),
        ],
    )
    def test_the_error_for_an_invalid_body_names_the_valid_fields(self, post, path, body, detail):
        answer = post(path, body)
        assert answer.status_code == 400
        assert detail in answer.json()["detail"]

    @pytest.mark.parametrize(
        "path", ["/v1/pipelines/nope/backfill", "/v1/pipelines/nope/retry", "/v1/aggregation/nope/pause"]
    )
    def test_what_does_not_exist_is_404(self, post, path):
        assert post(path, {}).status_code == 404

    def test_a_job_that_cannot_be_resumed_is_a_conflict(self, app, post):
        done, foreign = app.jobs.create("copy", "x"), app.jobs.create("unheard-of", "x")
        with app.jobs.run(done):
            pass
        with pytest.raises(Interrupted), app.jobs.run(foreign) as running:
            running.stop.set()
            running.check()
        assert post(f"/v1/jobs/{done}/resume", {}).status_code == 409
        refused = post(f"/v1/jobs/{foreign}/resume", {})
        assert refused.status_code == 409
        assert "windlass jobs resume" in refused.json()["hint"]

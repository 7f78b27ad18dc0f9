"""Every address with hostile and misspelt parameters: 400 with the nearest name, never 500, never an ignored word."""

import random
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote

import httpx
import pytest
from starlette.routing import Mount

import windlass.console
from tests.console.site import opened_app, served
from windlass.api.parameters import ANY
from windlass.console.application import create_app

HTML = {"accept": "text/html"}
NUMBERS = ["9" * 25, "#" + "9" * 30, "#٣", "-1", "1e400"]
TIMES = [
    "99999999999d",
    "9" * 400 + "d",
    "9999999999999w",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01",
    "9999-12-31T23:59:59.999999Z",
    "2026-02-30",
    "1e5d",
    "now ",
    "-5d",
]
TEXTS = [
    "\x00",
    "a\x00b",
    "'",
    '"',
    "%",
    "\\",
    "ü" * 300,
    "../../etc/passwd",
    "*",
    "a=b",
    "-",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]
CURSORS = ["x", "W10", "WzEsMl0", "WyJhIiw5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", "bnVsbA", "W1tbW1tbW1s"]
HOSTILE = [*NUMBERS, *TIMES, *TEXTS, *CURSORS]
VALID = {
    "query_id": "lq_00000000000000000000",
    "check_id": "s3-tls-only",
    "account": "111111111111",
    "account_id": "111111111111",
    "region": "eu-west-1",
    "name": "pay-0",
    "kind": "csv",
    "job_id": "job_x",
    "seed_id": "seed_x",
    "address": "10.0.0.1",
    "host": "i-0123456789abcdef0",
    "rule": "shares",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with (
        opened_app(tmp_path_factory.mktemp("parameters")) as app,
        served(app) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        client.app = app
        yield client


def addresses(app):
    """Every GET address of the site with the query parameters it declares."""
    inner = create_app(app).inner
    described = inner.openapi()["paths"]
    result, rest = {}, list(inner.routes)
    while rest:
        route = rest.pop()
        rest += list(getattr(getattr(route, "original_router", None), "routes", ()))
        if isinstance(route, Mount) or "GET" not in (getattr(route, "methods", None) or ()):
            continue
        if route.path == "/openapi.json":
            continue
        names = set(inner.state.parameters.get(route.path, ()))
        for parameter in described.get(route.path, {}).get("get", {}).get("parameters", ()):
            names |= {parameter["name"]} if parameter["in"] == "query" else set()
        result[route.path] = names
    return result


def filled(path, **values):
    return re.sub(r"{(\w+)}", lambda item: quote({**VALID, **values}[item[1]], safe=""), path)


def check(answer):
    assert answer.status_code < 500 or answer.status_code in (502, 503), f"{answer.url}: {answer.text[:300]}"
    if answer.status_code >= 400 and "problem" in answer.headers["content-type"]:
        assert answer.json()["status"] == answer.status_code
    return answer


def tried(path, name):
    """What fits the parameter's meaning, and some of the rest, always the same ones."""
    meant = {
        "at": TIMES,
        "since": TIMES,
        "until": TIMES,
        "cursor": CURSORS,
        "ref": NUMBERS,
        "limit": NUMBERS,
        "depth": NUMBERS,
    }
    fitting = meant.get(name, [])
    rest = [value for value in HOSTILE if value not in fitting]
    return [
        *random.Random(f"{path} {name}").sample(fitting, min(3, len(fitting))),
        *random.Random(path + name).sample(rest, 3),
        "\x00",
    ]


def test_there_are_addresses_with_parameters_to_try(site):
    result = addresses(site.app)
    assert len(result) > 50
    assert {"type", "at", "cursor", "limit"} <= result["/v1/resources"]
    assert {"rev", "ref", "at", "from", "map"} == result["/inventory/resource"]


def test_no_value_of_any_parameter_breaks_an_address(site):
    wrong = []
    for path, names in addresses(site.app).items():
        if "memcached" in path or "accounts" in path or path == "/live":
            continue  # these ask AWS, of which there is none here (see below), or last
        for name in sorted(names - {ANY}):
            for value in tried(path, name):
                parameters = {"ref": "harbour-prod-assets"} if "ref" in names else {}
                parameters[name + ("team" if name.endswith(":") else "")] = value
                answer = site.get(filled(path), params=parameters)
                if answer.status_code >= 500:
                    wrong.append((path, name, value, answer.status_code))
                else:
                    check(answer)
                if "\x00" in value and answer.status_code != 400:
                    wrong.append((path, name, value, answer.status_code))
    assert not wrong


@pytest.mark.parametrize("name", ["account", "region", "name", "job_id", "seed_id", "address", "rule"])
def test_no_part_of_an_address_breaks_it(site, name):
    wrong = []
    for path in addresses(site.app):
        if f"{{{name}}}" in path or (name == "account" and "{account_id}" in path):
            for value in ("\x00", "a\x00", "eu-wset-1", "127.0.0.1:80#", "x" * 300, "ü", "9" * 30, ".."):
                answer = site.get(
                    filled(path, **{name: value, "account_id": value if name == "account" else VALID["account"]})
                )
                asks_aws = name == "name" and "memcached" in path and "\x00" not in value
                if answer.status_code >= 500 and not asks_aws:
                    wrong.append((path, value, answer.status_code))
                if "\x00" in value and answer.status_code != 400:
                    wrong.append((path, value, answer.status_code))
    assert not wrong


@pytest.mark.parametrize(
    "path", ["/v1/memcached/111111111111/{}/x", "/memcached/111111111111/{}/x", "/queues/111111111111/{}/x"]
)
@pytest.mark.parametrize("region", ["eu-wset-1", "localhost:1#", "%00", "eu-west-1%00"])
def test_an_unknown_region_is_400_without_a_call_to_aws(site, path, region):
    answer = site.get(path.format(region.replace("#", "%23")))
    assert answer.status_code == 400
    if region == "eu-wset-1":
        assert answer.json()["hint"] == "Did you mean 'eu-west-1'?"


@pytest.mark.parametrize("value", ["99999999999d", "9" * 400 + "d", "0001-01-01T00:00:00+14:00"])
def test_times_outside_the_calendar_are_400(site, value):
    for path, names in addresses(site.app).items():
        for name in sorted(names & {"at", "since", "until"}):
            needed = {"ref": "harbour-prod-assets"} if "ref" in names else {}
            answer = site.get(filled(path), params={name: value} | needed)
            assert answer.status_code == 400, (path, name)


def test_a_reference_by_too_large_a_number_is_400(site):
    for path, names in addresses(site.app).items():
        if "ref" in names:
            assert site.get(path, params={"ref": "#" + "9" * 19}).status_code == 400, path
            assert site.get(path, params={"ref": "#" + "9" * 18}).status_code == 404, path


def test_every_address_refuses_a_parameter_that_it_does_not_take_and_names_the_nearest(site):
    for path, names in addresses(site.app).items():
        if ANY in names:
            continue
        answer = site.get(filled(path), params={"zzzzzz": "1"})
        assert answer.status_code == 400, path
        assert "'zzzzzz'" in answer.json()["detail"], path
        for name in (name for name in names if len(name) > 3 and not name.endswith(":")):
            typo = name[:-1]
            if typo in names:
                continue
            answer = site.get(filled(path), params={typo: "1"})
            assert (answer.status_code, answer.json()["hint"]) == (400, f"Did you mean {name!r}?"), (path, typo)


@pytest.mark.parametrize(
    ("parameters", "hint"),
    [
        ({"typ": "s3.bucket"}, "type"),
        ({"type": "s3.buckets"}, "s3.bucket"),
        ({"type": "s4.*"}, "s3.*"),
        ({"where": "account=111111111112"}, "111111111111"),
        ({"where": "region=eu-wset-1"}, "eu-west-1"),
        ({"where": "regoin=eu-west-1"}, "region"),
        ({"type": "s3.bucket", "where": "Versionning.Status=Enabled"}, "Versioning"),
        ({"type": "s3.bucket", "where": "-Lifecylce"}, "Lifecycle"),
        ({"where": "PolicyStatsu.IsPublic!=true"}, "PolicyStatus"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/resources", "/v1/facets", "/v1/changes", "/v1/diff", "/inventory.json", "/changes.json"]
)
def test_a_misspelt_word_is_an_error_with_the_nearest_and_not_an_empty_answer(site, path, parameters, hint):
    answer = site.get(path, params=parameters)
    assert answer.status_code == 400, answer.text
    assert hint in answer.json()["hint"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "s3.*"},
        {"type": "rds.instance"},
        {"where": "region=ap-south-1"},
        {"where": "region=aws-global"},
        {"where": "account=222222222222"},
        {"type": "s3.bucket", "where": "Lifecycle?"},
        {"type": "sqs.queue", "where": "-KmsMasterKeyId"},  # no queue here has one, and that is what is asked
        {"where": "Versioning.Status=Enabled"},
        {"where": "name~log"},
        {"where": "tag:never-heard-of"},
    ],
)
def test_honest_questions_with_empty_answers_are_answered(site, parameters):
    assert site.get("/v1/resources", params=parameters).status_code == 200


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/jobs?status=runing", "running"),
        ("/changes?kind=craeted", "created"),
        ("/inventory?col=regoin", "region"),
        ("/clients?rule=sgiv2", "sigv2"),
        ("/inventory?sort=nmae", "Sort by"),
    ],
)
def test_pages_say_so_too(site, path, hint):
    answer = site.get(path, headers=HTML)
    assert answer.status_code == 400
    assert hint in answer.text


def test_every_link_of_every_page_is_one_that_its_address_takes(site):
    waiting, seen = ["/"], set()
    while waiting:
        address = waiting.pop()
        path, _, query = address.partition("?")
        parts = path.split("/")  # one address per kind of page and set of parameters
        shape = parts[1], len(parts), frozenset(name for name, _ in parse_qsl(query))
        if shape in seen or len(seen) >= 45:
            continue
        seen.add(shape)
        answer = site.get(address, headers=HTML)
        assert answer.status_code != 400, f"{address}: {answer.text[-900:]}"
        if "text/html" in answer.headers["content-type"]:
            links = re.findall(r'href="(/[^"#]*)', answer.text)
            waiting += [link.replace("&amp;", "&") for link in links if not link.startswith(("/static", "/memcached"))]
    assert len(seen) > 25


def test_what_scripts_and_forms_send_is_what_their_addresses_take(site):
    known = addresses(site.app)
    folder = Path(windlass.console.__file__).parent
    sent = set()
    for file in folder.glob("static/*.js"):
        for path, query in re.findall(r"[`'\"](/[\w/]+)\?([^`'\"]*)", file.read_text()):
            sent |= {(path, name) for name in re.findall(r"(\w+)=", query)}
    assert ("/live", "topics") in sent
    for address in ("/", "/inventory", "/changes", "/inventory/resource?ref=harbour-prod-lake"):
        for form, body in re.findall(r"<form([^>]*)>(.*?)</form>", site.get(address, headers=HTML).text, re.DOTALL):
            if "post" not in form:
                path = re.search(r'action="([^"]*)"', form)[1]
                sent |= {(path, name) for name in re.findall(r'name="([^"]*)"', body)}
    assert ("/inventory", "q") in sent
    assert {(path, name) for path, name in sent if name not in known[path]} == set()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_problem_document_has_the_status_of_its_response(site, method):
    for path in ("/v1/hosts", "/nowhere", "/v1/jobs/x", "/static/nope.css"):
        answer = site.request(method, path, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code in (404, 405)
        check(answer)
    assert site.get("/v1/hosts", headers={"host": "evil.example"}).json()["status"] == 403

"""Every operation of the catalogue hands out all its pages, from a server that knows only AWS's own models."""

import functools
import itertools

import botocore.session
import pytest

from tests import botocore_models
from tests.inventory.model_server import ACCOUNT, OPERATIONS, ModelServer, model, serve, signalled
from tests.sweeps import sweep
from windlass.aws.client import AwsClient
from windlass.core.errors import AwsError
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.paging import pages, rule_of
from windlass.estate.paging_rule import PagingRule, Unpageable, paging_rule, signals
from windlass.estate.service import open_estate
from windlass.inventory.catalog import CATALOG
from windlass.inventory.paths import find


@pytest.fixture(scope="module")
def client_of():
    session = botocore.session.get_session()
    session.register_component("data_loader", botocore_models.loader())
    session.set_credentials("a", "b")

    @functools.cache
    def make(service):
        return session.create_client(service, region_name="us-east-1")

    return make


@pytest.fixture(scope="module", params=["generic", pytest.param("boto3", marks=pytest.mark.slow)])
def world(request):
    """A server whose pages each test sizes, and a caller that asks it: the inventory's, and boto3's clients."""
    server = ModelServer(0)
    with (
        serve(server) as url,
        open_estate(EstateConfig(endpoint_url=url, accounts=[AccountConfig(id=ACCOUNT)]), {}) as estate,
        AwsClient(estate) as client,
    ):
        yield server, client if request.param == "generic" else estate


@sweep("service, operation", sorted(OPERATIONS))
def test_every_operation_of_the_catalogue_has_a_rule_that_uses_all_that_can_mean_more(client_of, service, operation):
    rule = rule_of(client_of(service), operation)
    assert isinstance(rule, PagingRule), rule
    assert bool(rule.inputs) == bool(list(signalled(model(service).operation_model(operation).output_shape)))


def test_of_all_that_lists_in_aws_next_to_nothing_lacks_a_rule():
    session, loader = botocore_models.session(), botocore_models.loader()
    lacking, rules = [], 0
    for service in (
        "ec2",
        "firehose",
        "kinesis",
        "wafv2",
        "sqs",
        "iam",
        "glue",
        "pinpoint",
        "route53",
        "lightsail",
        "ssm",
    ):
        declared = _paginators(loader, service)
        of = session.get_service_model(service)
        for operation in of.operation_names:
            if operation.startswith(("List", "Describe", "Get")):
                rule = paging_rule(of, operation, declared.get(operation))
                rules += 1
                if isinstance(rule, Unpageable):
                    lacking.append(operation)
    assert rules > 700
    assert lacking == ["GetRelationalDatabaseLogEvents"]


def _paginators(loader, service):
    try:
        return loader.load_service_model(service, "paginators-1")["pagination"]
    except botocore.exceptions.DataNotFoundError:
        return {}


def listed(service, operation, answers):
    """Everything that the answers hold at the path that the catalogue reads."""
    path = OPERATIONS[service, operation]
    rows = []
    for answer in answers:
        found = find(path, answer)
        rows += list(found) if isinstance(found, (list, dict)) else [found]
    return rows


PAGED = sorted(key for key in OPERATIONS if list(signalled(model(key[0]).operation_model(key[1]).output_shape)))


@pytest.mark.parametrize(("service", "operation"), PAGED)
def test_all_items_arrive_at_one_a_page_and_at_the_size_that_is_real(world, service, operation):
    server, caller = world
    many = 2500 if operation in ("ListQueues", "ListBuckets") else 105
    for server.items, server.page_size in ((4, 1), (many, None)):
        asked = caller.pages(ACCOUNT, "us-east-1", service, operation, **params(service, operation))
        answers = list(asked)
        rows = listed(service, operation, answers)
        assert len(rows) == server.items
        assert len({repr(row) for row in rows}) == server.items
        assert len(answers) > 1


def params(service, operation):
    """The required parameters, of any value."""
    shape = model(service).operation_model(operation).input_shape
    chosen = {}
    for name in shape.required_members if shape else ():
        member = shape.members[name]
        text = "a" * max(1, getattr(member, "metadata", {}).get("min", 1))
        enum = getattr(member, "enum", ())
        text = enum[0] if enum else ACCOUNT if name == "AccountId" else text
        match member.type_name:
            case "list":
                chosen[name] = [{}] if member.member.type_name == "structure" else [text]
            case "integer":
                chosen[name] = 60
            case _:
                chosen[name] = text
    return chosen


class Client:
    """As much of a botocore client as paging looks at."""

    def __init__(self, service):
        self._loader = botocore_models.loader()
        self.meta = self
        self.service_model = botocore_models.service_model(service)


def test_a_listing_that_says_more_without_a_token_is_an_error():
    asked = pages(rule_of(Client("iam"), "ListRoles"), "ListRoles", lambda **_: {"Roles": [], "IsTruncated": True}, {})
    next(asked)
    with pytest.raises(AwsError) as caught:
        next(asked)
    assert caught.value.code == "CutShort"


@pytest.mark.parametrize("tokens", ["a", "ab", "abcde"])
def test_tokens_that_come_back_are_an_error_and_no_endless_listing(tokens):
    given = itertools.cycle(tokens)
    asked = pages(
        rule_of(Client("ecs"), "ListClusters"),
        "ListClusters",
        lambda **_: {"clusterArns": [], "nextToken": next(given)},
        {},
    )
    with pytest.raises(AwsError) as caught:
        list(asked)
    assert caught.value.code == "RepeatedToken"


def test_an_operation_without_a_rule_is_not_called_at_all():
    with pytest.raises(AwsError) as caught:
        list(
            pages(
                rule_of(Client("lightsail"), "GetRelationalDatabaseLogEvents"),
                "GetRelationalDatabaseLogEvents",
                lambda **_: pytest.fail("called"),
                {},
            )
        )
    assert caught.value.code == "Unpageable"


def test_a_size_without_which_there_is_no_token_is_sent():
    seen = []
    list(
        pages(
            rule_of(Client("sqs"), "ListQueues"),
            "ListQueues",
            lambda **request: seen.append(request) or {},
            {"QueueNamePrefix": "a"},
        )
    )
    assert seen == [{"QueueNamePrefix": "a", "MaxResults": 1000}]


def test_signals_of_a_wrapped_listing_are_seen():
    of = botocore_models.service_model("cloudfront").operation_model("ListDistributions")
    assert {"DistributionList.NextMarker", "DistributionList.IsTruncated"} <= set(signals(of))


def test_every_detail_and_listing_of_the_catalogue_is_served_by_the_model_server():
    assert {(kind.service, kind.operation) for kind in CATALOG} <= set(OPERATIONS)

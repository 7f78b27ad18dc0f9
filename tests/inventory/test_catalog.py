"""Every declaration against AWS's own service models: no operation, parameter or path is misspelt."""

import json
import re

import jmespath

from tests import botocore_models
from tests.sweeps import sweep
from windlass.core.arns import parse_arn
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.listing import above_params
from windlass.inventory.model import GLOBAL, Scope
from windlass.inventory.observations import items_of, observe
from windlass.inventory.paths import change_at, find, find_texts

ACCOUNT = "111122223333"
# What a service answers as a free-form map (attributes by name): its members can't be told from the model.
FREE_FORM = {"sqs.queue", "sns.topic"}

# Their ARNs end in a random id, which no listing has: revisions.match_known.
ARN_OF_DETAILS = {"eks.nodegroup", "eks.addon", "eks.fargate-profile", "eks.access-entry"}

# What an item must be for its type to keep it.
KEPT = {
    "elb.listener-rule": {"IsDefault": False},
    "organizations.policy": {"AwsManaged": False},
    "s3.directory-bucket": {"Name": "name--use1-az4--x-s3"},
}


def example(shape, seen=()):
    """A value of the shape with every member present."""
    if shape is None or shape.name in seen:
        return {}
    within = (*seen, shape.name)
    match shape.type_name:
        case "structure":
            return {} if shape.is_document_type else {key: example(one, within) for key, one in shape.members.items()}
        case "list":
            return [example(shape.member, within)]
        case "map":
            return {"anykey": example(shape.value, within)}
        case "boolean":
            return True
        case "integer" | "long" | "float" | "double":
            return 7
        case "timestamp":
            return "2026-01-01T00:00:00Z"
        case _:
            return "text"


def answer(name, operation):
    return example(botocore_models.service_model(name).operation_model(operation).output_shape)


def detail_service(kind, detail):
    return detail.service or kind.service


def unfiltered(path):
    """The path with its filters (`[?Key == 'a']`) left open: what they select is a value, not a member of the model."""
    return re.sub(r"\[\?[^\]]*\]", "[]", path)


def parents(kind):
    """The listings above the type's own, the nearest first."""
    parent = kind.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def parent_params(kind):
    """The parameters that the type's listing gets from the listings above it."""
    params = {}
    for parent in reversed(list(parents(kind))):
        above = find(unfiltered(parent.items), answer(kind.service, parent.operation))[0]
        params = above_params(parent, params, above)
    return params


def listed_item(kind):
    return items_of(kind, answer(kind.service, kind.operation), parent_params(kind))[0] | KEPT.get(kind.name, {})


def param_of(kind, path, item):
    """The value of a detail's parameter; `{account}` and `{arn}` are known for every item."""
    return ACCOUNT if path in ("{account}", "{arn}") else find(path, item)


def add_detail(kind, detail, item):
    found = find(detail.result, answer(detail_service(kind, detail), detail.operation))
    assert found is not None, f"{detail.operation}: {detail.result} finds nothing in the answer"
    if detail.each:
        texts = find_texts(detail.each, item)
        assert texts, f"{detail.operation}: {detail.each} finds nothing"
        found = dict.fromkeys(texts, found)
    if detail.key:
        item[detail.key] = found
    else:
        assert isinstance(found, dict), f"{detail.operation}: {detail.result} can't be merged"
        item |= found


def full_item(kind):
    item = listed_item(kind)
    for detail in kind.details:
        add_detail(kind, detail, item)
    return item


def check_params(name, operation, params):
    shape = botocore_models.service_model(name).operation_model(operation).input_shape
    members = set(shape.members) if shape else set()
    required = set(shape.required_members) if shape else set()
    assert set(params) <= members, f"{operation} takes no {set(params) - members}"
    assert required <= set(params), f"{operation} needs {required - set(params)}"


def members_of(value):
    """The names of all members in the value, at any depth."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {*(value if isinstance(value, dict) else ()), *(name for item in items for name in members_of(item))}


def fields_of(node):
    """The members that a compiled path names."""
    if node["type"] == "field":
        yield node["value"]
    for child in node["children"]:
        yield from fields_of(child)


every_type = sweep("kind", CATALOG, ids=lambda kind: kind.name)


def test_there_are_more_curated_types_than_promised_and_each_name_is_one():
    assert len(CATALOG) >= 240
    assert len(BY_NAME) == len(CATALOG)
    assert all(name.count(".") == 1 and name == name.lower() and " " not in name for name in BY_NAME)
    assert len({kind.title for kind in CATALOG}) == len(CATALOG)


@every_type
def test_operations_exist_and_get_the_parameters_they_need(kind):
    below, request = kind.operation, kind.request
    for parent in parents(kind):
        check_params(kind.service, below, set(request) | set(parent.params))
        below, request = parent.operation, parent.request
    check_params(kind.service, below, request)
    for detail in kind.details:
        extra = {kind.owner_param} - {""}
        check_params(detail_service(kind, detail), detail.operation, set(detail.params) | extra)


@every_type
def test_the_listing_yields_items_that_can_be_told_apart(kind):
    document = json.loads(json.dumps(full_item(kind), default=str))
    if kind.name in FREE_FORM:
        return
    assert isinstance(find(kind.id, document), str), kind.id
    if kind.arn and "{" not in kind.arn:
        assert find(kind.arn, document), kind.arn
    if kind.label:
        assert find(kind.label, document), kind.label


@every_type
def test_every_parameter_of_a_detail_is_found_on_the_item(kind):
    item = listed_item(kind)
    for detail in kind.details:
        known = item | ({"each": find_texts(detail.each, item)[0]} if detail.each else {})
        for name, path in detail.params.items():
            assert param_of(kind, path, known) not in (None, [None]), f"{detail.operation}: {name} = {path}"
        add_detail(kind, detail, item)
        if kind.name == "sqs.queue":
            item["QueueArn"] = "arn:aws:sqs:eu-west-1:1:q"


@every_type
def test_relations_addresses_volatile_and_redacted_paths_exist_in_the_answers(kind):
    if kind.name in FREE_FORM:
        return
    item = full_item(kind)
    for rule in kind.edges:
        jmespath.compile(rule.path)
        assert find_texts(unfiltered(rule.path), item), f"{rule.kind}: {rule.path} finds nothing"
        assert not rule.target_type or rule.target_type in BY_NAME, rule.target_type
    for path in kind.addresses:
        assert find_texts(path, item), path
    for name, path in kind.measures.items():
        assert find(path, item) not in (None, []), f"{name}: {path} finds nothing"
    if kind.owner:
        assert find_texts(kind.owner, item), kind.owner
    for pattern in (*kind.volatile, *kind.redact, *kind.ordered):
        hits = []
        change_at(item, pattern, lambda value, hits=hits: hits.append(value) or value)
        assert hits, f"{pattern} names nothing"
        assert pattern not in kind.ordered or all(isinstance(hit, list) for hit in hits), f"{pattern} is no list"


@every_type
def test_what_a_type_keeps_is_decided_by_its_listing_alone(kind):
    """Details of an item that is not kept are not read, so they must not decide."""
    if kind.keep:
        members = set(members_of(listed_item(kind)))
        assert set(fields_of(jmespath.compile(kind.keep).parsed)) <= members


@every_type
def test_an_item_is_known_from_its_listing_alone(kind):
    """Else one unreadable detail would make it another resource, or none."""
    scope = Scope(ACCOUNT, GLOBAL if kind.once_per_account else "eu-west-1", kind.name)
    options = {"partition": "aws", "salt": b"salt"}
    listed = observe(kind, scope, listed_item(kind), **options)
    whole = observe(kind, scope, full_item(kind), **options)
    if whole is None:
        assert kind.keep
        return
    assert listed.resource_id
    if kind.name in ARN_OF_DETAILS:
        assert listed.resource_id == whole.resource_id
        return
    assert listed.key == whole.key


@every_type
def test_an_observation_comes_out_with_a_well_formed_key(kind):
    scope = Scope(ACCOUNT, GLOBAL if kind.once_per_account else "eu-west-1", kind.name)
    item = full_item(kind) | {"anykey": "text"}
    for path in (kind.id, kind.arn):
        if path.isidentifier() and "{" not in path:
            item[path] = "arn:aws:x:eu-west-1:1:thing/one" if path == kind.arn else "one"
    seen = observe(kind, scope, item, partition="aws", salt=b"salt")
    if seen is None:
        assert kind.keep
        return
    assert seen.resource_id
    if "{" in kind.arn:
        assert parse_arn(seen.key), seen.key
        assert ("::" in seen.key) or ACCOUNT in seen.key


def test_no_detail_takes_a_refusal_for_an_absence():
    for kind in CATALOG:
        for detail in kind.details:
            refusals = [code for code in detail.absent if "Denied" in code or "Unauthorized" in code]
            assert not refusals, f"{kind.name} {detail.operation}: a denied read would look like a removal"


def test_a_bucket_is_read_by_22_details_or_more():
    bucket = BY_NAME["s3.bucket"]
    assert len({detail.operation for detail in bucket.details}) >= 22
    assert all(detail.key for detail in bucket.details)

"""Every shipped check: its conditions name members that AWS's models have, and it passes, fails and stays unknown when it should."""

from collections.abc import Mapping
from datetime import UTC, datetime

import jmespath.parser
import pytest

from tests import botocore_models
from tests.checks.examples import EXAMPLES, UNREAD, Others
from tests.sweeps import sweep
from windlass.checks.catalog_files import load_checks, shipped_checks
from windlass.checks.evaluation import Evaluator, Subject
from windlass.checks.model import Status
from windlass.core.errors import ConfigError
from windlass.inventory.catalog import BY_NAME

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ACCOUNT = "111111111111"
EVALUATOR = Evaluator(shipped_checks(), lambda: NOW, Others())
every_check = sweep("check", shipped_checks(), ids=lambda check: check.id)
OPEN = object()
"""The shape of what the models do not describe: JSON documents in texts, maps with free keys."""


def judge(check, document, unread=frozenset()):
    subject = Subject(ACCOUNT, "eu-west-1", "name", {}, document, unread)
    return EVALUATOR.judge(check.type, subject).get(check.id)


def test_at_least_eighty_checks_are_shipped_each_with_its_own_id_a_reason_and_a_remedy():
    checks = shipped_checks()
    assert len(checks) >= 80
    assert len({check.id for check in checks}) == len(checks)
    assert [check.id for check in checks if not (check.why and check.remedy and check.title)] == []
    assert [check.id for check in checks if check.type not in BY_NAME] == []


@every_check
def test_a_check_tells_good_from_bad(check):
    good, bad = EXAMPLES[check.id]
    assert [judge(check, document) for document in good] == [Status.PASS] * len(good)
    assert [judge(check, document) for document in bad] == [Status.FAIL] * len(bad)
    assert good
    assert bad


@every_check
def test_what_was_not_read_never_passes(check):
    """With every member unread the result is unknown; with one of them unread it is unknown, or a certain failure."""
    good, bad = EXAMPLES[check.id]
    for document in good:
        assert judge(check, document, frozenset({"*"})) is Status.UNKNOWN
    for document in [*good, *bad]:
        for compiled in EVALUATOR.checks_of(check.type):
            if compiled.check is check:
                for member in compiled.passes.members - {"@account"}:
                    without = {name: value for name, value in document.items() if name != member}
                    assert judge(check, without, frozenset({member})) in (Status.UNKNOWN, Status.FAIL, None) or (
                        judge(check, document) is Status.PASS and decided_without(check, document, member)
                    )


def decided_without(check, document, member):
    """True when the rest of the document decides, whatever the member is."""
    values = (None, True, False, "x", [], {}, 0)
    return {judge(check, {**document, member: value}) for value in values} == {Status.PASS}


@every_check
def test_conditions_name_members_that_the_models_have(check):
    shape = document_shape(BY_NAME[check.type])
    for text in filter(None, (check.passes, check.applies)):
        walk(jmespath.parser.Parser().parse(text).parsed, shape, check.id)


def test_a_target_that_was_not_read_is_unknown_unless_another_one_is_gone():
    check = next(check for check in shipped_checks() if check.id == "events-target-gone")
    assert judge(check, {"Targets": [{"Arn": UNREAD}]}) is Status.UNKNOWN


def document_shape(kind):
    """Return the members of the type's document: those of the listed item, and of its details."""
    members = {}
    listed = follow(output_of(kind.service, kind.operation), kind.items)
    while getattr(listed, "type_name", "") == "list":
        listed = listed.member
    if kind.wrap:
        members[kind.wrap] = OPEN
    elif listed is OPEN:
        members["*"] = OPEN  # items that an expression makes
    else:
        members |= listed.members
    for detail in kind.details:
        result = follow(output_of(detail.service or kind.service, detail.operation), detail.result)
        if detail.key:
            members[detail.key] = result
        elif result is OPEN or result.type_name in ("map", "list"):
            members["*"] = OPEN  # the attributes of a queue or topic
        else:
            members |= result.members
    return members


def output_of(service, operation):
    return botocore_models.service_model(service).operation_model(operation).output_shape


def follow(shape, path):
    tree = jmespath.parser.Parser().parse(path).parsed
    return walk(tree, shape, path)


def walk(node, shape, place):
    """Return the shape of what a node reads; AssertionError for a member that the shape does not have."""
    kind, children = node["type"], [child for child in node["children"] if isinstance(child, Mapping)]
    if kind == "field":
        return member_of(shape, node["value"], place)
    if kind in ("identity", "current"):
        return shape
    if kind == "subexpression":
        return walk(children[1], walk(children[0], shape, place), place)
    if kind in ("index_expression", "projection", "value_projection", "filter_projection", "pipe"):
        listed = walk(children[0], shape, place)
        item = listed if kind in ("index_expression", "pipe") else item_of(listed)
        for child in children[2:]:
            walk(child, item, place)
        return walk(children[1], item, place) if len(children) > 1 else item
    if kind == "index":
        return item_of(shape)
    if kind == "flatten":
        return walk(children[0], shape, place)
    for child in children:
        walk(child, shape, place)
    return OPEN


def member_of(shape, name, place):
    if name.startswith("@") or shape is OPEN:
        return OPEN
    if isinstance(shape, dict):
        if name in shape:
            return shape[name]
        assert "*" in shape, f"{place}: there is no {name}"
        return OPEN
    if shape.type_name == "structure":
        assert name in shape.members, f"{place}: {shape.name} has no {name}"
        return shape.members[name]
    return OPEN if shape.type_name != "map" else shape.value


def item_of(shape):
    return shape.member if getattr(shape, "type_name", "") == "list" else OPEN


# --- users' own checks ---------------------------------------------------------------------------------------------

OWN = """
[[check]]
id = "bucket-name"
type = "s3.bucket"
title = "The bucket's name does not begin with acme-"
severity = "low"
passes = "starts_with(Name, 'acme-')"
"""


def test_users_add_checks_in_a_folder_and_replace_shipped_ones(tmp_path):
    (tmp_path / "own.toml").write_text(OWN + OWN.replace("bucket-name", "s3-website"))
    checks = {check.id: check for check in load_checks(tmp_path, BY_NAME)}
    assert checks["bucket-name"].origin == str(tmp_path / "own.toml")
    assert checks["s3-website"].passes == "starts_with(Name, 'acme-')"
    assert len(checks) == len(shipped_checks()) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN.replace("s3.bucket", "s3.buckt"), "own.toml: bucket-name: there is no resource type 's3.buckt'"),
        (OWN.replace('"low"', '"bad"'), "own.toml: check 1: severity 'bad' does not exist"),
        (OWN + 'sql = "SELECT id FROM resources"\n', "own.toml: check 1: bucket-name needs either passes or sql"),
        (OWN.replace("passes", "why"), "own.toml: check 1: bucket-name needs either passes or sql"),
        (OWN + 'color = "red"\n', "own.toml: check 1: color: Extra inputs are not permitted"),
        ("[[check]\n", "own.toml is not valid TOML"),
    ],
)
def test_a_mistake_in_a_users_check_is_named_with_its_place(tmp_path, text, message):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        load_checks(tmp_path, BY_NAME)

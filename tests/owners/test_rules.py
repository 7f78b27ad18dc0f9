"""Who owns a resource: each source, their precedence, the file's lines, and the reason."""

import pytest

from windlass.core.errors import ConfigError
from windlass.owners.config import OwnersConfig
from windlass.owners.model import OwnedResource, Source
from windlass.owners.owners_file import parse_owners
from windlass.owners.rule_files import load_rules
from windlass.owners.rules import STACK_TAG, OwnerRules

FILE = """
# everything that nothing else names
*                                  platform
s3.bucket/logs-*                   @observability   # a type and a name
arn:aws:lambda:*:*:function:pay-*  payments
111122223333/s3.bucket             data
tag:cost-center=42                 finance
www.harbour.example                web
s3.bucket/logs-scratch
"""


def bucket(name="ledger", **more):
    values = {"account_id": "222222222222", "region": "eu-west-1", "arn": f"arn:aws:s3:::{name}"} | more
    return OwnedResource(type="s3.bucket", resource_id=name, name=name, **values)


def rules(file=FILE, **config):
    return OwnerRules(OwnersConfig(**config), parse_owners(file, "OWNERS"))


@pytest.mark.parametrize(
    ("resource", "owner", "line"),
    [
        (bucket(), "platform", 3),
        (bucket("logs-web"), "observability", 4),
        (bucket("logs-web", account_id="111122223333"), "data", 6),
        (bucket(tags={"cost-center": "42"}), "finance", 7),
        (bucket(tags={"cost-center": "43"}), "platform", 3),
        (bucket("www.harbour.example"), "web", 8),
        (
            OwnedResource(
                type="lambda.function",
                account_id="222222222222",
                region="eu-west-1",
                resource_id="pay-card",
                name="pay-card",
                arn="arn:aws:lambda:eu-west-1:222222222222:function:pay-card",
            ),
            "payments",
            5,
        ),
    ],
)
def test_the_last_line_that_matches_decides(resource, owner, line):
    ownership = rules().owner_of(resource)
    assert (ownership.owner, ownership.source) == (owner, Source.FILE)
    assert ownership.why.startswith(f"OWNERS line {line}: ")


def test_a_line_without_an_owner_leaves_the_resource_to_the_other_sources():
    scratch = bucket("logs-scratch", account_id="333333333333")
    assert rules().owner_of(scratch).owner == ""
    assert rules(accounts={"333333333333": "lab"}).owner_of(scratch).owner == "lab"


def test_a_tag_comes_before_the_file_the_file_before_the_stack_and_the_stack_before_the_account():
    everything = bucket(tags={"Team": "web", STACK_TAG: "shop-prod"}, account_tags={"owner": "lab"})
    every = rules(stacks={"shop-*": "shop"})
    assert [(each.owner, each.why) for each in every.candidates(everything)] == [
        ("web", "tag Team=web"),
        ("platform", "OWNERS line 3: *"),
        ("shop", "stack shop-prod (pattern shop-*)"),
        ("lab", "tag owner=lab of the account 222222222222"),
    ]
    assert rules(order=["account", "tag"]).owner_of(everything).owner == "lab"
    assert rules("", order=["stack"]).owner_of(everything).owner == ""


def test_the_first_tag_of_the_setting_decides_and_an_empty_tag_names_nobody():
    assert rules("").owner_of(bucket(tags={"service": "s", "OWNER": "", "team": "t"})).owner == "t"
    assert rules("", tags=["costs"]).owner_of(bucket(tags={"team": "t"})).owner == ""


def test_the_longest_pattern_of_a_stack_decides_before_the_tags_of_the_stack():
    in_stack = bucket(tags={STACK_TAG: "shop-prod-cdn"}, stack_tags={"owner": "edge"})
    assert rules("", stacks={"shop-*": "shop", "shop-prod-*": "sre"}).owner_of(in_stack).owner == "sre"
    assert rules("").owner_of(in_stack).why == "tag owner=edge of the stack shop-prod-cdn"


def test_a_line_with_two_owners_and_a_missing_file_are_mistakes(tmp_path):
    with pytest.raises(ConfigError, match="OWNERS, line 2: 2 owners"):
        parse_owners("\n* a b", "OWNERS")
    with pytest.raises(ConfigError, match=r"owners\.file"):
        load_rules(OwnersConfig(file="OWNERS"), tmp_path)
    (tmp_path / "OWNERS").write_text("* platform\n")
    assert load_rules(OwnersConfig(file="OWNERS"), tmp_path).owner_of(bucket()).owner == "platform"


def test_the_digest_changes_with_every_rule():
    digests = {rules().digest, rules("").digest, rules(order=["tag"]).digest, rules(accounts={"1": "a"}).digest}
    assert len(digests) == 4
    assert rules().digest == rules().digest

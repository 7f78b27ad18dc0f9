import pytest

from windlass.core.errors import UsageError
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.model import GLOBAL, Scope
from windlass.inventory.plan import CollectOptions, plan_scopes, select_types

KINDS = [BY_NAME["iam.role"], BY_NAME["sqs.queue"], BY_NAME["ec2.vpc"]]


def test_every_account_region_and_type_is_one_scope_and_global_types_are_scanned_once():
    scopes = plan_scopes(KINDS, {"1": ["r1", "r2"], "2": ["r1"]})
    assert len(scopes) == len(set(scopes)) == (1 + 4) + (1 + 2)
    assert [scope.region for scope in scopes if scope.type == "iam.role"] == [GLOBAL, GLOBAL]


def test_accounts_take_turns_so_that_a_large_one_does_not_come_first():
    scopes = plan_scopes(KINDS, {"large": [f"r{n}" for n in range(20)], "small": ["r1"]})
    assert [scope.account_id for scope in scopes[:6]] == ["large", "small"] * 3


def test_what_took_longest_last_time_begins_first():
    slow = Scope("1", "r2", "ec2.vpc")
    assert plan_scopes(KINDS, {"1": ["r1", "r2"]}, {slow: 90.0})[0] == slow


def test_types_are_chosen_by_name_or_pattern_and_left_out_after():
    chosen = select_types(CATALOG, CollectOptions(types=("ec2.*", "s3.bucket"), exclude_types=("ec2.snapshot",)))
    names = {kind.name for kind in chosen}
    assert {"s3.bucket", "ec2.vpc"} <= names
    assert "ec2.snapshot" not in names
    assert "s3.access-point" not in names


def test_nothing_asked_for_is_everything():
    assert select_types(CATALOG, CollectOptions()) == CATALOG


def test_a_misspelt_type_is_told_rather_than_collecting_nothing():
    with pytest.raises(UsageError, match=r"s3\.buckets"):
        select_types(CATALOG, CollectOptions(types=("s3.buckets",)))


def test_an_account_without_regions_has_its_global_scopes_only():
    assert {scope.type for scope in plan_scopes(KINDS, {"1": []})} == {"iam.role"}

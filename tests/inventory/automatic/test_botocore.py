"""The types of the installed botocore: their number, names and policy."""

import time

import pytest

from tests.inventory.automatic.gizmos import gizmos
from windlass.deploy.policy import Statement, document, size_of, split
from windlass.deploy.policy_calls import actions_of
from windlass.estate.service_models import describe_service
from windlass.inventory.automatic.catalog_cache import derive, load
from windlass.inventory.automatic.exclusions import exclusion_of
from windlass.inventory.automatic.type_registry import merge
from windlass.inventory.catalog import CATALOG

MOST_CPU_S = 0.5  # the goal is 0.15 s on an idle machine; others compute beside a test


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    load(folder)
    return folder


def test_there_are_more_than_1700_automatic_types_and_the_curated_ones_replace_theirs(cache):
    derived = load(cache).types
    types = merge(CATALOG, derived)
    automatic = [kind for kind in types if kind.automatic]
    assert len(derived) >= 1_800
    assert len(types) >= 1_750
    assert len({kind.name for kind in types}) == len(types)
    assert max(len(kind.name) for kind in types) <= 64
    assert not [kind for kind in automatic if exclusion_of(kind.service, kind.operation)]


def test_the_types_are_read_from_the_cache_at_once(cache):
    started_s = time.process_time()
    load(cache)
    assert time.process_time() - started_s < MOST_CPU_S


def test_the_policy_of_all_types_is_exact_and_split_into_managed_policies(cache):
    actions = {action for kind in load(cache).types for action in actions_of(kind.service, kind.operation)}
    statement = Statement("Collect", tuple(sorted(actions)), ("*",), "all types")
    parts = split([statement])
    assert len(parts) > 1
    assert all(size_of(part)[0] <= size_of(part)[1] for part in parts)
    allowed = [action for part in parts for each in document(part)["Statement"] for action in each["Action"]]
    assert sorted(allowed) == sorted(actions)
    assert not [action for action in actions if "*" in action]


def test_a_small_policy_is_not_split():
    statement = Statement("A", ("s3:ListAllMyBuckets",), ("*",), "one")
    assert split([statement]) == ((statement,),)
    assert split([]) == ()


def test_the_same_models_give_the_same_types():
    services = [describe_service("gizmos", gizmos(), {})]
    assert derive(services) == derive(services)

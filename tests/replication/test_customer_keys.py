"""Customer keys (SSE-C) in plans, preflight and whole seeds: which method can use them, and that no store, log or output has them."""

import base64
import logging
import os
from dataclasses import replace

import pytest

from tests.replication.test_permissions import DIRECT, found
from tests.replication.test_preflight import INTENT, good
from tests.replication.test_pure import CONFIG, PAIR, volume
from tests.replication.test_seed_job import seeded
from windlass.core.errors import UsageError
from windlass.replication import rows
from windlass.replication.model import Method, Operation, SeedState
from windlass.replication.planning.method_choice import MethodConstraints, choose
from windlass.replication.planning.request import SeedRequest
from windlass.replication.service import PairSelection

SOURCE, TARGET = os.urandom(32), os.urandom(32)
KEYED = MethodConstraints(replicating=True, customer_keys=True)


def sse(key):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def test_objects_under_customer_keys_are_copied_directly():
    choice = choose(PAIR, volume(10**9), Method.AUTO, None, KEYED, CONFIG)
    assert (choice.method, choice.operation) == (Method.DIRECT, Operation.COPY)
    assert "S3 Batch Operations does not accept" in choice.why
    request = choose(PAIR, volume(10), Method.AUTO, Operation.REPLICATE, KEYED, CONFIG)
    assert (request.method, request.operation) == (Method.BATCH, Operation.REPLICATE)


@pytest.mark.parametrize(
    ("asked", "situation", "reason"),
    [
        (Method.BATCH, MethodConstraints(replicating=False, customer_keys=True), "S3 Batch Operations accepts no keys"),
        (Method.EMR, KEYED, "S3DistCp on EMR accepts no keys"),
        (Method.AUTO, replace(KEYED, detached=True), "cannot be detached"),
    ],
)
def test_methods_without_customer_keys_are_refused(asked, situation, reason):
    with pytest.raises(UsageError, match=reason):
        choose(PAIR, volume(10), asked, Operation.COPY, situation, CONFIG)


def test_preflight_finds_objects_with_customer_keys_and_buckets_that_refuse_them():
    keyed = replace(good(), source=replace(good().source, customer_keyed=True))
    assert ("warning", "SrcCustomerKey", "logs") in found(keyed, DIRECT)
    options = replace(DIRECT, customer_keys=(True, True))
    assert not {entry for entry in found(keyed, options) if "CustomerKey" in entry[1]}
    blocking = replace(keyed, destination=replace(good().destination, blocks_customer_keys=True))
    refused = ("error", "DstCustomerKeysBlocked", "logs-replica")
    assert refused in found(blocking, options)
    assert refused not in found(blocking, replace(DIRECT, customer_keys=(True, False)))
    assert refused in found(blocking, INTENT), "S3 keeps the key of what it replicates"
    assert ("warning", "CustomerKeyUnused", "logs-replica") in found(
        good(), replace(INTENT, customer_keys=(False, True))
    )


@pytest.fixture
def keyed(seed_app, buckets_of, tmp_path):
    """An application whose two buckets have keys in files, and those buckets with five objects."""
    buckets = buckets_of(seed_app(store="setup"))
    source, target = buckets.pair(versioned=False)
    for number in range(5):
        buckets.call("us-east-1", "PutObject", Bucket=source, Key=f"k{number}", Body=b"secret", **sse(SOURCE))
    configs = []
    for bucket, key in ((source, SOURCE), (target, TARGET)):
        (tmp_path / "keys").mkdir(exist_ok=True)
        file = tmp_path / "keys" / bucket
        file.write_text(base64.b64encode(key).decode())
        configs.append({"bucket": bucket, "key_file": str(file)})
    return seed_app(**{"replication.customer_keys": configs}), buckets, source, target


def test_a_seed_copies_with_both_keys_and_keeps_neither(keyed, tmp_path, capfd, caplog):
    app, buckets, source, target = keyed
    with caplog.at_level(logging.DEBUG):
        seed = seeded(app, source, target, switch_on=False)
    assert (seed.state, seed.done, seed.method) == (SeedState.DONE, 5, Method.DIRECT), seed
    with buckets.call("eu-west-1", "GetObject", Bucket=target, Key="k1", **sse(TARGET))["Body"] as body:
        assert body.read() == b"secret"
    out = capfd.readouterr()
    shown = repr((rows.line(seed), seed, app.settings, caplog.text, out.out, out.err)).encode()
    stored = b"".join(
        file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.parent.name != "keys"
    )
    assert len(stored) > 1000
    for key in (SOURCE, TARGET):
        for trace in (key, base64.b64encode(key), key.hex().encode()):
            assert trace not in shown
            assert trace not in stored


def test_a_plan_without_the_customer_key_reports_that_it_is_needed(keyed, seed_app):
    _, _, source, target = keyed
    app = seed_app(store="without")
    pairs = app.replication.pairs(PairSelection(source=source, destination=target))
    (plan,) = app.replication.plan(pairs, SeedRequest(operation=Operation.COPY, switch_on=False))
    assert "SrcCustomerKey" in {finding.code for finding in plan.findings}

"""The proof's own proof: what nobody checks fails, and so does a reason that is none."""

import re
import sys

import boto3
import pytest
from botocore.config import Config

from tests import botocore_models
from tests.privilege import Proof
from windlass.inventory.catalog import CATALOG
from windlass_local.rest_routes import rest_operation


@pytest.fixture
def proof(embedded, tmp_path):
    return Proof(tmp_path, ())


@pytest.fixture
def called(embedded, account, proof):
    """As if Windlass had looked for a queue."""
    client = boto3.client(
        "sqs",
        endpoint_url=embedded.url,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="x",
        config=Config(user_agent_extra="windlass/test"),
    )
    client.create_queue(QueueName="orders")
    client.get_queue_attributes(QueueUrl=client.get_queue_url(QueueName="orders")["QueueUrl"])
    client.close()
    return account


def configure(folder, account, queue):
    text = f'[estate]\naccounts = [{{ id = "{account}" }}]\n[[consume]]\nqueue = "{queue}"\nhandler = "a:b"\n'
    (folder / "windlass.toml").write_text(text, "utf-8")


def test_calls_without_a_configuration_fail(proof, called):
    with pytest.raises(AssertionError, match="no windlass.toml"):
        proof.check()
    proof.check_reason("the configuration is on the command line")


def test_calls_that_no_policy_allows_fail_and_a_test_s_own_do_not(proof, called, tmp_path):
    configure(tmp_path, called, "orders")
    with pytest.raises(AssertionError, match="CreateQueue"):
        proof.check()
    Proof(tmp_path, ("sqs:CreateQueue",)).check()
    with pytest.raises(AssertionError, match="can be proved"):
        proof.check_reason("it can't be")


def test_the_same_call_of_another_queue_fails(proof, called, tmp_path):
    configure(tmp_path, called, "others")
    with pytest.raises(AssertionError, match="GetQueueAttributes', resource=.*:orders"):
        proof.check()


def test_commands_whose_calls_nobody_saw_fail(proof, tmp_path):
    proof.ran(["ls"])
    proof.check()
    proof.ran([sys.executable, "-m", "windlass", "inventory", "list"])
    with pytest.raises(AssertionError, match="nobody saw"):
        proof.check()
    proof.check_reason("it lists what is in the store")
    with pytest.raises(AssertionError, match="no reason"):
        proof.check_reason("")


def test_calls_of_accounts_that_were_there_before_are_not_this_test_s(embedded, called, tmp_path):
    configure(tmp_path, "1" * 12, "orders")
    Proof(tmp_path, ()).check()


def test_the_embedded_aws_names_every_rest_operation_that_the_inventory_calls():
    """A call without a name would be compared with no policy. S3 and S3 Control have routes of their own."""
    operations = {(kind.service, kind.operation) for kind in CATALOG}
    operations |= {(detail.service or kind.service, detail.operation) for kind in CATALOG for detail in kind.details}
    unnamed = []
    for service, operation in sorted(operations):
        model = botocore_models.service_model(service)
        if service in ("s3", "s3control") or not model.metadata["protocol"].startswith("rest"):
            continue
        http = model.operation_model(operation).http
        path = re.sub(r"\{[^}]*\}", "x", http["requestUri"].partition("?")[0])
        if rest_operation(model.signing_name, http["method"], path) != operation:
            unnamed.append((service, operation))
    assert unnamed == []

"""Queues over HTTP with boto3: creating, describing, sharing, listing, tagging, purging."""

from __future__ import annotations

import json

import pytest

from sqs_clients import A, B, arn_of, client, error_code, fresh


@pytest.fixture
def sqs(local_aws):
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def other(local_aws):
    made = client(local_aws.url, account_id=B)
    yield made
    made.close()


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName=fresh())["QueueUrl"]


def attributes(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"])["Attributes"]


def test_creating_again_is_the_same_queue_unless_attributes_differ(sqs, local_aws):
    name = fresh()
    first = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "3"})["QueueUrl"]
    assert first == f"{local_aws.url}/{A}/{name}"
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == first
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "4"})


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("a b", {}, "InvalidParameterValue"),
        ("x" * 81, {}, "InvalidParameterValue"),
        ("plain", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("q.fifo", {}, "InvalidParameterValue"),
        ("q", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("q", {"MaximumMessageSize": "1048577"}, "InvalidAttributeValue"),
        ("q", {"Policy": "{"}, "InvalidAttributeValue"),
        ("q", {"Nonsense": "1"}, "InvalidAttributeName"),
        ("q", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        (
            "q",
            {"RedrivePolicy": f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:{A}:none"}}'},
            "InvalidParameterValue",
        ),
    ],
)
def test_wrong_names_and_attributes_are_refused(sqs, name, given, code):
    assert error_code(sqs.create_queue, QueueName=name, Attributes=given) == code


def test_policies_come_back_byte_for_byte_and_an_empty_one_removes(sqs, queue):
    target = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    redrive = f'{{ "maxReceiveCount":4,\n"deadLetterTargetArn" : "{arn_of(sqs, target)}" }}'
    policy = '{"Statement" :[ ],  "Version":"2012-10-17"}'
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": redrive, "Policy": policy})
    assert attributes(sqs, queue, "RedrivePolicy", "Policy") == {"RedrivePolicy": redrive, "Policy": policy}
    assert sqs.list_dead_letter_source_queues(QueueUrl=target)["queueUrls"] == [queue]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": "", "Policy": ""})
    assert "RedrivePolicy" not in attributes(sqs, queue)
    assert sqs.list_dead_letter_source_queues(QueueUrl=target)["queueUrls"] == []


def test_a_dead_letter_queue_is_of_the_same_kind_and_may_say_whose(sqs, queue):
    fifo = sqs.create_queue(QueueName=fresh(".fifo"), Attributes={"FifoQueue": "true"})["QueueUrl"]
    closed = sqs.create_queue(QueueName=fresh(), Attributes={"RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'})[
        "QueueUrl"
    ]
    for target in (fifo, closed):
        redrive = json.dumps({"deadLetterTargetArn": arn_of(sqs, target), "maxReceiveCount": 1})
        code = error_code(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"RedrivePolicy": redrive})
        assert code == "InvalidParameterValue"


def test_every_attribute_of_a_new_queue_is_there(sqs, queue):
    result = attributes(sqs, queue)
    assert result["QueueArn"] == f"arn:aws:sqs:us-east-1:{A}:{queue.rpartition('/')[2]}"
    assert (result["VisibilityTimeout"], result["MaximumMessageSize"]) == ("30", "1048576")
    assert {"CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages"} <= set(result)
    assert error_code(sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=["Nope"]) == "InvalidAttributeName"


def test_a_missing_queue_is_named_so_under_its_legacy_code(sqs, queue):
    sqs.delete_queue(QueueUrl=queue)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert error_code(sqs.get_queue_url, QueueName="never-was").endswith("NonExistentQueue")


def test_listing_pages_through_a_prefix(sqs):
    prefix = fresh("-")
    made = sorted(sqs.create_queue(QueueName=f"{prefix}{number}")["QueueUrl"] for number in range(5))
    pages = list(sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(page["QueueUrls"]) for page in pages] == [2, 2, 1]
    assert [url for page in pages for url in page["QueueUrls"]] == made


def test_accounts_and_regions_are_apart(sqs, other, local_aws):
    name = fresh()
    sqs.create_queue(QueueName=name)
    elsewhere = client(local_aws.url, region="eu-west-1")
    for stranger in (other, elsewhere):
        assert "QueueUrls" not in stranger.list_queues(QueueNamePrefix=name)
    elsewhere.close()


def test_another_account_needs_a_policy_and_gets_only_what_it_allows(sqs, other, queue):
    assert error_code(other.send_message, QueueUrl=queue, MessageBody="x") == "AccessDenied"
    sqs.add_permission(QueueUrl=queue, Label="b", AWSAccountIds=[B], Actions=["SendMessage", "GetQueueUrl"])
    other.send_message(QueueUrl=queue, MessageBody="x")
    entries = [{"Id": "1", "MessageBody": "y"}]
    assert other.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]
    name = queue.rpartition("/")[2]
    assert other.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=A)["QueueUrl"] == queue
    assert error_code(other.receive_message, QueueUrl=queue) == "AccessDenied"
    assert error_code(other.delete_queue, QueueUrl=queue) == "AccessDenied"
    sqs.remove_permission(QueueUrl=queue, Label="b")
    assert error_code(other.send_message, QueueUrl=queue, MessageBody="x") == "AccessDenied"
    assert error_code(sqs.remove_permission, QueueUrl=queue, Label="b") == "InvalidParameterValue"


def test_a_denial_in_the_policy_wins(sqs, other, queue):
    arn = arn_of(sqs, queue)
    both = [
        {"Effect": effect, "Principal": principal, "Action": "sqs:*", "Resource": arn}
        for effect, principal in (("Allow", "*"), ("Deny", {"AWS": f"arn:aws:iam::{B}:root"}))
    ]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Statement": both})})
    assert error_code(other.receive_message, QueueUrl=queue) == "AccessDenied"


def test_tags_are_added_replaced_and_removed(sqs):
    queue = sqs.create_queue(QueueName=fresh(), tags={"team": "a", "cost": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=queue, Tags={"team": "b"})
    sqs.untag_queue(QueueUrl=queue, TagKeys=["cost", "never"])
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "b"}


def test_a_purge_empties_and_the_next_waits_a_minute(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sqs.purge_queue(QueueUrl=queue)
    assert attributes(sqs, queue, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "0"}
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=queue)

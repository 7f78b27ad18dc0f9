"""`windlass.functions.consume.handler` in the embedded AWS: a `[[consume]]` entry means in Lambda what it means in a worker."""

import io
import json
import zipfile

import pytest

from tests.queues.conftest import wait_for
from windlass.queues.payloads import Pointer, write_pointer

CONFIG = """
[estate]
regions = ["us-east-1"]
[[consume]]
name = "orders"
queue = "{queue}"
handler = "shop:handle"
unwrap = ["sns", "s3"]
payload_bucket = "lambda-payloads"
delete_payload = true
idempotency = "dynamodb"
idempotency_table = "lambda-once"
idempotency_key = "id"
"""
SHOP = """
import boto3
from windlass.queues.model import Reject, RetryLater

def handle(message):
    order = message.json()
    if order["id"] == "bad":
        raise Reject("no such order")
    if order["id"] == "busy" and message.receive_count == 1:
        raise RetryLater(1)
    name = f"{order['id']}-{message.message_id}"
    boto3.client("s3").put_object(Bucket="lambda-orders", Key=name, Body=str(message.receive_count).encode())
"""


@pytest.mark.timeout(120)
def test_an_entry_of_windlass_toml_is_a_function(client, new_queue):
    sqs, s3 = client("sqs"), client("s3")
    url, dead = new_queue(receives=5, VisibilityTimeout="120")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket="lambda-orders")
    s3.create_bucket(Bucket="lambda-payloads")
    client("dynamodb").create_table(
        TableName="lambda-once",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("windlass.toml", CONFIG.format(queue=arn.rpartition(":")[2]))
        archive.writestr("shop.py", SHOP)
    role = client("iam").create_role(
        RoleName="consume", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    functions = client("lambda")
    functions.create_function(
        FunctionName="consume",
        Runtime="python3.12",
        Handler="windlass.functions.consume.handler",
        Timeout=20,
        Role=role["Role"]["Arn"],
        Code={"ZipFile": code.getvalue()},
    )
    for order in ("fine", "fine", "bad", "busy"):
        body = json.dumps({"TopicArn": "arn:aws:sns:x", "Message": json.dumps({"id": order})})
        sqs.send_message(QueueUrl=url, MessageBody=body)
    for order in ("large", "bad"):
        s3.put_object(Bucket="lambda-payloads", Key=order, Body=json.dumps({"id": order}).encode())
        size = {"ExtendedPayloadSize": {"DataType": "Number", "StringValue": "2000000"}}
        pointer = write_pointer(Pointer("lambda-payloads", order))
        sqs.send_message(QueueUrl=url, MessageBody=pointer, MessageAttributes=size)
    functions.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="consume", BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )

    def kept():
        rows = s3.list_objects_v2(Bucket="lambda-orders").get("Contents", ())
        bodies = {row["Key"]: s3.get_object(Bucket="lambda-orders", Key=row["Key"])["Body"].read() for row in rows}
        return sorted((key.partition("-")[0], body) for key, body in bodies.items())

    # once for the two of one id; after a second, and not after the queue's 120, for the busy one
    wait_for(lambda: kept() == [("busy", b"2"), ("fine", b"1"), ("large", b"1")], 60)
    letters = {}

    def arrived():
        result = sqs.receive_message(
            QueueUrl=dead, MessageAttributeNames=["All"], WaitTimeSeconds=1, MaxNumberOfMessages=10
        )
        letters.update({message["MessageId"]: message for message in result.get("Messages", ())})
        return len(letters) == 2

    wait_for(arrived, 30)
    reasons = {
        json.loads(letter["MessageAttributes"]["WindlassRejected"]["StringValue"])["reason"]
        for letter in letters.values()
    }
    assert reasons == {"no such order"}
    keys = [content["Key"] for content in s3.list_objects_v2(Bucket="lambda-payloads")["Contents"]]
    assert keys == ["bad"], "the payload of the handled message is deleted, that of the dead letter remains"

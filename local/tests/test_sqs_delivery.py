"""moto's other services deliver into the same queues; a reset empties them; old clients speak the query protocol."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest

from sqs_clients import A, arn_of, client, fresh, query


@pytest.fixture
def aws(local_aws):
    made = {}

    def get(service):
        if service not in made:
            made[service] = client(local_aws.url, service)
        return made[service]

    yield get
    for each in made.values():
        each.close()


def bodies(sqs, url):
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(each["Body"]) for each in messages]


def test_bucket_events_arrive_after_the_test_event(aws):
    sqs, s3, bucket = aws("sqs"), aws("s3"), fresh()
    queue = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    s3.create_bucket(Bucket=bucket)
    expected = [{"QueueArn": arn_of(sqs, queue), "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": expected})
    [test_event] = bodies(sqs, queue)
    assert (test_event["Event"], test_event["Bucket"]) == ("s3:TestEvent", bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    [event] = bodies(sqs, queue)
    assert event["Records"][0]["s3"]["object"]["key"] == "k"


def test_topics_and_rules_deliver_while_a_poll_waits(aws):
    sqs, sns, events = aws("sqs"), aws("sns"), aws("events")
    queue = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    topic = sns.create_topic(Name=fresh())["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(sqs, queue))
    sns.publish(TopicArn=topic, Message="hello")
    assert [each["Message"] for each in bodies(sqs, queue)] == ["hello"]
    rule, source = fresh(), fresh()
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn_of(sqs, queue)}])
    events.put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": '{"a":1}'}])
    assert [each["detail"] for each in bodies(sqs, queue)] == [{"a": 1}]


def test_cloudformation_makes_changes_and_deletes_queues_with_their_policy(aws, local_aws):
    sqs, cloudformation, stack = aws("sqs"), aws("cloudformation"), fresh()
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}
    target = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}
    template = {
        "Resources": {
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Main": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 7, "RedrivePolicy": target}},
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Main"}], "PolicyDocument": policy},
            },
        },
        "Outputs": {"Url": {"Value": {"Ref": "Main"}}},
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    [made] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    url = made["Outputs"][0]["OutputValue"]
    # Servers of one process serve one estate, each under its own port.
    assert re.match(rf"http://127\.0\.0\.1:\d+/{A}/", url)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 3
    assert json.loads(attributes["Policy"]) == policy
    template["Resources"]["Main"]["Properties"]["VisibilityTimeout"] = 9
    cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
    changed = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert changed == {"VisibilityTimeout": "9"}
    cloudformation.delete_stack(StackName=stack)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=url.rpartition("/")[2])


def test_older_clients_send_receive_and_delete_by_the_query_protocol(local_aws):
    name = fresh()
    attributes = {
        "Attribute.1.Name": "VisibilityTimeout",
        "Attribute.1.Value": "77",
        "Tag.1.Key": "t",
        "Tag.1.Value": "v",
    }
    status, made = query(local_aws.url, Action="CreateQueue", QueueName=name, **attributes)
    assert (status, made.findtext(".//QueueUrl")) == (200, f"{local_aws.url}/{A}/{name}")
    path = f"/{A}/{name}"
    sent = {
        "SendMessageBatchRequestEntry.1.Id": "one",
        "SendMessageBatchRequestEntry.1.MessageBody": "<a> & b\r\n",
        "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name": "k",
        "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType": "Binary",
        "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.BinaryValue": "AP8=",
        "SendMessageBatchRequestEntry.2.Id": "two",
        "SendMessageBatchRequestEntry.2.MessageBody": "x",
        "SendMessageBatchRequestEntry.2.DelaySeconds": "9999",
    }
    _, answer = query(local_aws.url, path, Action="SendMessageBatch", **sent)
    assert answer.findtext(".//SendMessageBatchResultEntry/Id") == "one"
    assert answer.findtext(".//BatchResultErrorEntry/Code") == "InvalidParameterValue"
    expected = {"AttributeName.1": "All", "MessageAttributeName.1": "All", "MaxNumberOfMessages": "10"}
    _, got = query(local_aws.url, path, Action="ReceiveMessage", **expected)
    assert got.findtext(".//Message/Body") == "<a> & b\r\n"
    assert got.findtext(".//MessageAttribute/Value/BinaryValue") == "AP8="
    assert "ApproximateReceiveCount" in [each.text for each in got.findall(".//Message/Attribute/Name")]
    handle = got.findtext(".//ReceiptHandle") or ""
    status, _ = query(local_aws.url, path, Action="DeleteMessage", ReceiptHandle=handle)
    assert status == 200
    _, result = query(local_aws.url, path, Action="GetQueueAttributes", **{"AttributeName.1": "All"})
    values = {each.findtext("Name"): each.findtext("Value") for each in result.findall(".//Attribute")}
    assert (values["VisibilityTimeout"], values["ApproximateNumberOfMessagesNotVisible"]) == ("77", "0")
    _, tags = query(local_aws.url, path, Action="ListQueueTags")
    assert tags.findtext(".//Tag/Value") == "v"


@pytest.mark.parametrize(
    ("action", "given", "expected"),
    [
        ("GetQueueUrl", {"QueueName": "none"}, (400, "AWS.SimpleQueueService.NonExistentQueue")),
        ("DeleteMessage", {"ReceiptHandle": "x"}, (404, "ReceiptHandleIsInvalid")),
        ("SendMessage", {}, (400, "MissingParameter")),
        ("Dance", {}, (400, "InvalidAction")),
    ],
)
def test_errors_of_the_query_protocol_have_its_codes(aws, local_aws, action, given, expected):
    name = fresh()
    aws("sqs").create_queue(QueueName=name)
    status, error = query(local_aws.url, f"/{A}/{name}", Action=action, **given)
    assert (status, error.findtext(".//Error/Code")) == expected


def test_a_reset_forgets_every_queue(aws, local_aws):
    sqs = aws("sqs")
    queue = sqs.create_queue(QueueName=fresh())["QueueUrl"]
    reset = urllib.request.Request(local_aws.url + "/moto-api/reset", method="POST")
    with urllib.request.urlopen(reset, timeout=30):
        pass
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.receive_message(QueueUrl=queue)

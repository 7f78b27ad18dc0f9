"""Management events: a call that changes something reaches EventBridge's rules as CloudTrail's record of it."""

import io
import json
import time
import zipfile

import pytest

from windlass_local.cloudtrail.operations import event_name, is_change

REGION, ACCOUNT = "eu-west-2", "444455556666"


@pytest.fixture
def events(aws):
    """The records that a rule on every CloudTrail call sends to a queue: `events(name)` waits for those of an operation."""
    sqs, bridge = aws("sqs", region=REGION, account=ACCOUNT), aws("events", region=REGION, account=ACCOUNT)
    url = sqs.create_queue(QueueName="changes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"detail-type": ["AWS API Call via CloudTrail"]}
    bridge.put_rule(Name="changes", EventPattern=json.dumps(pattern), State="ENABLED")
    bridge.put_targets(Rule="changes", Targets=[{"Id": "queue", "Arn": arn}])
    received = []

    def wait_for(name):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            named = [event for event in received if event["detail"]["eventName"] == name]
            if named:
                return named
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            received.extend(json.loads(message["Body"]) for message in answer.get("Messages", ()))
        raise AssertionError(f"no {name}; there were {[event['detail']['eventName'] for event in received]}")

    wait_for.received = received
    yield wait_for
    bridge.remove_targets(Rule="changes", Ids=["queue"])
    bridge.delete_rule(Name="changes")
    sqs.delete_queue(QueueUrl=url)


def test_a_change_of_a_bucket_names_the_bucket_and_the_caller(aws, events):
    s3 = aws("s3", region=REGION, account=ACCOUNT)
    s3.create_bucket(Bucket="managed", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket="managed", Tagging={"TagSet": [{"Key": "team", "Value": "web"}]})
    (event,) = events("PutBucketTagging")
    assert (event["source"], event["detail-type"], event["account"], event["region"]) == (
        "aws.s3",
        "AWS API Call via CloudTrail",
        ACCOUNT,
        REGION,
    )
    record = event["detail"]
    assert record["requestParameters"]["bucketName"] == "managed"
    assert record["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert (record["readOnly"], record["managementEvent"], record["recipientAccountId"]) == (False, True, ACCOUNT)
    assert record["eventTime"].endswith("Z")
    assert record["userAgent"].startswith("Boto3/")


def test_a_role_is_the_actor_of_its_session(aws, events):
    iam, sts = aws("iam", account=ACCOUNT), aws("sts", account=ACCOUNT)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/deployer", RoleSessionName="ann")["Credentials"]
    queue = aws("sqs", region=REGION, account=keys["AccessKeyId"])
    queue.create_queue(QueueName="by-role")
    (event,) = [each for each in events("CreateQueue") if each["detail"]["requestParameters"]["queueName"] == "by-role"]
    identity = event["detail"]["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ann"
    assert event["detail"]["responseElements"]["queueUrl"].endswith("/by-role")


def test_the_lists_of_ec2_are_sets_of_items(aws, events):
    ec2 = aws("ec2", region=REGION, account=ACCOUNT)
    (instance,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    ec2.create_tags(Resources=[instance["InstanceId"]], Tags=[{"Key": "team", "Value": "web"}])
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    (run,) = events("RunInstances")
    (item,) = run["detail"]["responseElements"]["instancesSet"]["items"]
    assert item["instanceId"] == instance["InstanceId"]
    (tags,) = events("CreateTags")
    assert tags["detail"]["requestParameters"]["resourcesSet"]["items"] == [{"resourceId": instance["InstanceId"]}]
    (end,) = events("TerminateInstances")
    assert end["detail"]["requestParameters"]["instancesSet"]["items"] == [{"instanceId": instance["InstanceId"]}]


def test_paths_name_functions_and_code_is_hidden(aws, events):
    iam, functions = aws("iam", account=ACCOUNT), aws("lambda", region=REGION, account=ACCOUNT)
    role = iam.create_role(RoleName="fn", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("m.py", "def h(event, context): pass")
    functions.create_function(
        FunctionName="resize", Runtime="python3.12", Role=role, Handler="m.h", Code={"ZipFile": archive.getvalue()}
    )
    functions.update_function_configuration(FunctionName="resize", Environment={"Variables": {"TOKEN": "hunter2"}})
    (event,) = events("UpdateFunctionConfiguration20150331v2")
    assert event["detail"]["requestParameters"]["functionName"] == "resize"
    assert "hunter2" not in json.dumps(event)


def test_calls_that_read_fail_or_move_data_are_not_sent(aws, events):
    sqs = aws("sqs", region=REGION, account=ACCOUNT)
    url = sqs.create_queue(QueueName="quiet")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.list_queues()
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.delete_queue(QueueUrl=url + "-none")
    sqs.delete_queue(QueueUrl=url)
    events("DeleteQueue")
    names = {event["detail"]["eventName"] for event in events.received}
    assert names.isdisjoint({"SendMessage", "ListQueues"})
    assert [event["detail"]["eventName"] for event in events.received].count("DeleteQueue") == 1


def test_reads_and_data_events_are_told_from_changes():
    assert is_change("s3", "PutBucketTagging")
    assert is_change("s3", "PutPublicAccessBlock")
    assert is_change("ec2", "RunInstances")
    assert not any(
        is_change(service, operation)
        for service, operation in (
            ("s3", "PutObject"),
            ("s3", "PutObjectTagging"),
            ("s3", "ListBuckets"),
            ("dynamodb", "PutItem"),
            ("sqs", "SendMessageBatch"),
            ("sqs", "DeleteMessage"),
            ("lambda", "Invoke"),
            ("sts", "AssumeRole"),
            ("logs", "PutLogEvents"),
            ("ec2", "DescribeInstances"),
            ("kms", "GenerateDataKey"),
        )
    )
    assert event_name("lambda", "CreateFunction") == "CreateFunction20150331"
    assert event_name("s3", "PutBucketLifecycleConfiguration") == "PutBucketLifecycle"

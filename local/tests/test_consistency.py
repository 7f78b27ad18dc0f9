"""Eventual consistency to order: what depends on a change fails for a moment, in AWS's words; and ids that exist are refused."""

import json

import pytest
from botocore.exceptions import ClientError

from batch_jobs import Jobs
from lambda_functions import Lab, fresh, zipped
from windlass_local.faults import Faults, read_rules
from windlass_local.request import read_request

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
LAG = {"kind": "eventual_consistency", "latency_ms": 400}


class Lagging:
    """The knob is on; a call fails while it is, whatever the time, and succeeds once it is off."""

    def __init__(self, faults):
        self._faults = faults
        self._faults.load([LAG | {"latency_ms": 600_000}], random_seed=3)

    def eventually(self, call, code, message, **arguments):
        with pytest.raises(ClientError, match=message) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == code
        self._faults.load([])
        call(**arguments)


@pytest.fixture
def lagging(local_aws):
    yield Lagging(local_aws.gateway.faults)
    local_aws.gateway.faults.load([])


def test_a_role_is_deleted_a_moment_after_its_last_policy(lagging, aws):
    iam, name = aws("iam"), fresh("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
    )
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    lagging.eventually(iam.delete_role, "DeleteConflict", "must delete policies first", RoleName=name)


def test_a_rule_is_deleted_a_moment_after_its_last_target(lagging, aws):
    events, name = aws("events"), fresh("rule")
    events.put_rule(Name=name, ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": "arn:aws:sqs:us-east-1:111111111111:none"}])
    events.remove_targets(Rule=name, Ids=["t"])
    lagging.eventually(events.delete_rule, "ValidationException", "has targets", Name=name)


def test_a_new_role_is_assumed_by_lambda_a_moment_later(lagging, aws):
    name = fresh("role")
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    function = {
        "FunctionName": fresh(),
        "Runtime": "python3.12",
        "Role": role,
        "Handler": "main.handler",
        "Code": {"ZipFile": zipped({"main.py": "def handler(e, c): return 1"})},
    }
    lagging.eventually(aws("lambda").create_function, "InvalidParameterValueException", "cannot be assumed", **function)


@pytest.mark.parametrize("target", ["queue", "topic", "function"])
def test_a_destination_is_known_to_a_bucket_a_moment_after_its_policy(lagging, local_aws, aws, target):
    s3, name = aws("s3"), fresh("box")
    s3.create_bucket(Bucket=name)
    if target == "queue":
        url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
        aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "31"})
        rule = {
            "QueueConfigurations": [
                {"QueueArn": f"arn:aws:sqs:us-east-1:111111111111:{name}", "Events": ["s3:ObjectCreated:*"]}
            ]
        }
    elif target == "topic":
        arn = aws("sns").create_topic(Name=name)["TopicArn"]
        rule = {"TopicConfigurations": [{"TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    else:
        local_aws.gateway.faults.load([])  # for making it
        lab = Lab(aws)
        arn = lab.functions.get_function(FunctionName=lab.function("def handler(e, c): return 1", name=name))[
            "Configuration"
        ]
        local_aws.gateway.faults.load([LAG | {"latency_ms": 600_000}])
        lab.functions.add_permission(
            FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
        rule = {
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn["FunctionArn"], "Events": ["s3:ObjectCreated:*"]}
            ]
        }
    request = {"Bucket": name, "NotificationConfiguration": rule}
    lagging.eventually(s3.put_bucket_notification_configuration, "InvalidArgument", "Unable to validate", **request)


def test_a_batch_job_of_a_new_role_is_accepted_and_fails_while_it_prepares(local_aws):
    jobs = Jobs(local_aws.url)
    source, target = jobs.filled(1), jobs.bucket()
    local_aws.gateway.faults.load([LAG | {"latency_ms": 600_000}])
    try:
        jobs.role = jobs.make_role("fresh")
        job = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, jobs.rows(source))))
        assert (job["Status"], job["FailureReasons"][0]["FailureCode"]) == ("Failed", "AccessDenied")
        assert job["ProgressSummary"]["NumberOfTasksSucceeded"] == 0
    finally:
        local_aws.gateway.faults.load([])
    again = jobs.wait(jobs.copy(source, target, manifest=jobs.manifest(target, jobs.rows(source))))
    assert again["Status"] == "Complete"


def test_what_was_just_made_is_deleted_at_once(lagging, aws):
    """Only what depends on a change lags, not every call on its resource."""
    iam, name = aws("iam"), fresh("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.delete_role(RoleName=name)


def test_without_the_knob_nothing_lags(aws):
    iam, name = aws("iam"), fresh("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
    )
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)


def _call(action, **fields):
    body = "&".join(f"{name}={value}" for name, value in {"Action": action, **fields}.items()).encode()
    headers = {
        "authorization": "AWS4-HMAC-SHA256 Credential=1/20261201/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
        "content-type": "application/x-www-form-urlencoded",
    }
    return read_request(method="POST", path="/", query="", headers=headers, body=body, account_of=lambda key: key)


def _lags(random_seed, probability=1.0):
    """For 50 roles: until when each can't be deleted, in hundredths of a second."""
    faults = Faults(read_rules([LAG | {"probability": probability}]), random_seed=random_seed)
    ends = []
    for number in range(50):
        faults.note(_call("DeleteRolePolicy", RoleName=f"r{number}"), 100.0)
        refused = [
            faults.decide(_call("DeleteRole", RoleName=f"r{number}"), 100 + tick / 100).outcome is not None
            for tick in range(60)
        ]
        ends.append(refused.index(False))
        assert not any(refused[refused.index(False) :])
    return ends


def test_the_same_seed_lags_the_same_and_others_resources_are_left_alone():
    assert _lags(1) == _lags(1) != _lags(2)
    assert all(20 <= end <= 41 for end in _lags(1))
    assert 5 < sum(end == 0 for end in _lags(1, probability=0.5)) < 45
    faults = Faults(read_rules([LAG]))
    faults.note(_call("DeleteRolePolicy", RoleName="one"), 100.0)
    assert faults.decide(_call("DeleteRole", RoleName="another"), 100.1).outcome is None
    assert faults.decide(_call("DeleteRole", RoleName="one"), 100.1).outcome.status == 409
    assert faults.dump()[0]["used"] == 1


def test_a_statement_id_that_exists_is_refused(aws):
    lab = Lab(aws)
    name = lab.function("def handler(e, c): return 1")
    lab.functions.publish_version(FunctionName=name)
    lab.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    statement = {
        "FunctionName": name,
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }
    lab.functions.add_permission(**statement)
    lab.functions.add_permission(**statement, Qualifier="live")  # an alias has a policy of its own
    for more in ({}, {"Qualifier": "live"}, {"SourceArn": "arn:aws:s3:::other"}):
        with pytest.raises(ClientError) as caught:
            lab.functions.add_permission(**statement, **more)
        error = caught.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
            "ResourceConflictException",
            409,
        )
        assert "The statement id (s) provided already exists" in error["Error"]["Message"]
    lab.functions.remove_permission(FunctionName=name, StatementId="s")
    lab.functions.add_permission(**statement)

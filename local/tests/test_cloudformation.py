"""CloudFormation of the embedded AWS: what a template says is there, after creating, updating, failing and deleting."""

import json
import re

import pytest

from lambda_functions import ACCOUNT, fresh

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: {Type: String}
  Days: {Type: Number, Default: 7}
  WithTopicQueue: {Type: String, Default: "no"}
Conditions:
  Second: !Equals [!Ref WithTopicQueue, "yes"]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    DependsOn: Policy
    Properties:
      BucketName: !Sub "${Name}-bucket"
      VersioningConfiguration: {Status: Enabled}
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
      LifecycleConfiguration: {Rules: [{Id: old, Status: Enabled, ExpirationInDays: !Ref Days}]}
      NotificationConfiguration:
        EventBridgeConfiguration: {EventBridgeEnabled: true}
        QueueConfigurations:
          - {Event: "s3:ObjectCreated:*", Queue: !GetAtt Queue.Arn, Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Ref Name
      VisibilityTimeout: !Ref Days
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead:
    Type: AWS::SQS::Queue
  Second:
    Type: AWS::SQS::Queue
    Condition: Second
    Properties: {QueueName: !Sub "${Name}-second"}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Ref Name
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
Outputs:
  Url: {Value: !Ref Queue}
"""


def parameters(**values):
    return [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in values.items()]


@pytest.fixture
def cloudformation(aws):
    return aws("cloudformation")


def test_resources_of_a_template_are_created_changed_and_deleted_and_the_bucket_remains(aws, cloudformation):
    name = fresh("stack")
    s3, sqs = aws("s3"), aws("sqs")
    cloudformation.create_stack(StackName=name, TemplateBody=TEMPLATE, Parameters=parameters(Name=name))
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=name)[
        "StackEvents"
    ]
    (output,) = stack["Outputs"]
    # Servers of one process serve one estate, each under its own port.
    assert re.fullmatch(rf"http://127\.0\.0\.1:\d+/{ACCOUNT}/{name}", output["OutputValue"])
    bucket = f"{name}-bucket"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    told = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert told["EventBridgeConfiguration"] == {}
    assert told["QueueConfigurations"][0]["QueueArn"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    attributes = sqs.get_queue_attributes(QueueUrl=output["OutputValue"], AttributeNames=["All"])["Attributes"]
    assert "s3.amazonaws.com" in attributes["Policy"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] in (3, "3")
    ttl = aws("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    s3.put_object(Bucket=bucket, Key="in/a", Body=b"x")
    bodies = [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=output["OutputValue"], WaitTimeSeconds=5, MaxNumberOfMessages=10)[
            "Messages"
        ]
    ]
    assert bodies

    cloudformation.update_stack(
        StackName=name,
        TemplateBody=TEMPLATE.replace("EventBridgeConfiguration", "# ").replace(
            "Enabled: true}\nOut", "Enabled: true}\nOut"
        ),
        Parameters=parameters(Name=name, Days=9, WithTopicQueue="yes"),
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE", cloudformation.describe_stack_events(StackName=name)[
        "StackEvents"
    ]
    assert (
        sqs.get_queue_attributes(QueueUrl=output["OutputValue"], AttributeNames=["All"])["Attributes"][
            "VisibilityTimeout"
        ]
        == "9"
    )
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["Expiration"]["Days"] == 9
    assert sqs.get_queue_url(QueueName=f"{name}-second")

    cloudformation.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=parameters(Name=name, Days=9))
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=f"{name}-second")
    cloudformation.delete_stack(StackName=name)
    assert name not in {entry["StackName"] for entry in cloudformation.describe_stacks()["Stacks"]}
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=name)
    assert s3.head_bucket(Bucket=bucket)
    assert name not in aws("dynamodb").list_tables()["TableNames"]


CUSTOM = """
Parameters:
  Say: {Type: String}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json, urllib.request
          def handler(event, context):
              said = event["ResourceProperties"]["Say"]
              answer = {"Status": "FAILED" if said == "no" and event["RequestType"] != "Delete" else "SUCCESS", "Reason": "it said no",
                        "PhysicalResourceId": "thing", "StackId": event["StackId"], "RequestId": event["RequestId"],
                        "LogicalResourceId": event["LogicalResourceId"], "Data": {"Told": event["RequestType"] + " " + said}}
              body = json.dumps(answer).encode()
              urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}))
  Thing:
    Type: Custom::Thing
    Properties: {ServiceToken: !GetAtt Function.Arn, Say: !Ref Say}
Outputs:
  Told: {Value: !GetAtt Thing.Told}
"""


@pytest.mark.timeout(120)
def test_custom_resources_are_notified_and_a_failed_one_rolls_its_stack_back(aws, cloudformation):
    name = fresh("custom")
    cloudformation.create_stack(StackName=name, TemplateBody=CUSTOM, Parameters=parameters(Say="yes"))
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=name)[
        "StackEvents"
    ]
    assert stack["Outputs"][0]["OutputValue"] == "Create yes"
    cloudformation.update_stack(StackName=name, TemplateBody=CUSTOM, Parameters=parameters(Say="more"))
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == "Update more"
    cloudformation.delete_stack(StackName=name)

    broken = fresh("broken")
    cloudformation.create_stack(StackName=broken, TemplateBody=CUSTOM, Parameters=parameters(Say="no"))
    (stack,) = cloudformation.describe_stacks(StackName=broken)["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        stack_event.get("ResourceStatusReason", "")
        for stack_event in cloudformation.describe_stack_events(StackName=broken)["StackEvents"]
    ]
    assert any("it said no" in reason for reason in reasons)
    assert not [
        function for function in aws("lambda").list_functions()["Functions"] if broken in function["FunctionName"]
    ]

"""CloudTrail records in the shape of the CloudTrail User Guide's examples, and their EventBridge envelopes."""

import itertools
import json

ACCOUNT = "111111111111"
ANN = "arn:aws:sts::111111111111:assumed-role/Admin/ann"
_numbers = itertools.count(1)


def record(service, name, request=None, response=None, **more):
    return {
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:ann",
            "arn": ANN,
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLE",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/Admin",
                    "accountId": ACCOUNT,
                    "userName": "Admin",
                },
                "attributes": {"creationDate": "2026-11-01T08:00:00Z", "mfaAuthenticated": "true"},
            },
        },
        "eventTime": "2026-11-01T10:00:00Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15.0",
        "requestParameters": request,
        "responseElements": response,
        "requestID": "EXAMPLE",
        "eventID": f"event-{next(_numbers)}",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    } | more


def bridge(detail, **more):
    source = detail["eventSource"].partition(".")[0]
    return {
        "version": "0",
        "id": detail["eventID"],
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{source}",
        "account": ACCOUNT,
        "time": detail["eventTime"],
        "region": detail["awsRegion"],
        "resources": [],
        "detail": detail,
    } | more


def body(detail):
    return json.dumps(bridge(detail))

# Adds entries to a bucket's notification configuration, and takes only them away: the same rules as `windlass deploy`.
# In the templates as inline code (at most 4,096 characters); a test keeps them the same.
import json
import time
import urllib.request

import boto3

LISTS = ("QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations")
ROUNDS, PAUSE_S = 8, 0.5
s3 = boto3.client("s3")


def merged(now, entries, mark):
    kept = dict(now)
    for name in LISTS:
        left = [one for one in kept.pop(name, []) if not one.get("Id", "").startswith(mark)]
        left += entries if name == LISTS[0] else []
        if left:
            kept[name] = left
    return kept


def normal(now):
    def entry(one):
        rules = one.get("Filter", {}).get("Key", {}).get("FilterRules", [])
        rules = sorted((rule["Name"].lower(), rule["Value"]) for rule in rules)
        return json.dumps([{**one, "Filter": 0, "Events": sorted(one["Events"])}, rules], sort_keys=True)

    return {k: sorted(map(entry, v)) if k in LISTS else v for k, v in now.items() if v or k not in LISTS}


def read(bucket):
    now = s3.get_bucket_notification_configuration(Bucket=bucket)
    now.pop("ResponseMetadata", None)
    return now


def put(bucket, wanted, skip, pauses=(2, 4, 8, 16, None)):
    for pause in pauses:  # the queue's new policy is not everywhere at once
        try:
            return s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration=wanted, SkipDestinationValidation=skip
            )
        except Exception as error:
            if not pause or not any(x in str(error) for x in ("Unable to validate", "OperationAborted")):
                raise
            time.sleep(pause)


def settle(bucket, entries, mark):
    now, written = read(bucket), False
    for _ in range(ROUNDS):
        wanted = merged(now, entries, mark)
        if normal(now) == normal(wanted):
            if not written:
                return
            time.sleep(2 * PAUSE_S)  # who read before us may write after us
            now = read(bucket)
            if normal(now) == normal(merged(now, entries, mark)):
                return
            continue
        again = read(bucket)
        if normal(again) == normal(now):  # S3 has no condition for this write
            put(bucket, wanted, not entries)
            written = True
            for _ in range(ROUNDS):  # reads may lag behind writes
                again = read(bucket)
                if normal(again) != normal(now):
                    break
                time.sleep(PAUSE_S)
        now = again
    raise RuntimeError("the notification configuration of " + bucket + " changes all the time")


def entries_of(props, mark):
    for number, suffix in enumerate(props.get("Suffixes") or [""], 1):
        pairs = (("prefix", props.get("Prefix", "")), ("suffix", suffix))
        rules = [{"Name": name, "Value": value} for name, value in pairs if value]
        entry = {"Id": f"{mark}{number}", "QueueArn": props["QueueArn"], "Events": props["Events"]}
        yield {**entry, "Filter": {"Key": {"FilterRules": rules}}} if rules else entry


def handler(event, context):
    props = event["ResourceProperties"]
    bucket, mark = props["Bucket"], props["Mark"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "SUCCESS", "PhysicalResourceId": bucket + "/" + mark}
    try:
        gone = event["RequestType"] == "Delete"
        settle(bucket, [] if gone else list(entries_of(props, mark)), mark)
    except Exception as error:
        if not (event["RequestType"] == "Delete" and "NoSuchBucket" in str(error)):
            answer |= {"Status": "FAILED", "Reason": repr(error)[:900]}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=20)

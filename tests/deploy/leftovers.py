"""What of an account's resources is left: nothing, after a destroy."""


def leftovers(client):
    """Names by kind, of the kinds that the modules make."""
    s3, sqs, iam, events, athena = client("s3"), client("sqs"), client("iam"), client("events"), client("athena")
    found = {
        "buckets": [one["Name"] for one in s3.list_buckets()["Buckets"]],
        "queues": sqs.list_queues().get("QueueUrls", []),
        "roles": [one["RoleName"] for one in iam.list_roles()["Roles"]],
        "functions": [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]],
        "mappings": [one["UUID"] for one in client("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "rules": [one["Name"] for one in events.list_rules()["Rules"]],
        "logs": [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]],
        "trails": [one["Name"] for one in client("cloudtrail").describe_trails()["trailList"]],
        "databases": [one["Name"] for one in client("glue").get_databases()["DatabaseList"]],
        "workgroups": [one["Name"] for one in athena.list_work_groups()["WorkGroups"] if one["Name"] != "primary"],
    }
    return {kind: names for kind, names in found.items() if names}


def emptied(s3, *buckets):
    """Remove all versions of all objects: Terraform must not."""
    for bucket in buckets:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])

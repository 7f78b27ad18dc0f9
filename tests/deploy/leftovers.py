"""What of an account's resources is left: nothing, after a destroy."""


def leftovers(client):
    """Names by kind, of the kinds that the modules make."""
    s3, sqs, iam, events, athena = client("s3"), client("sqs"), client("iam"), client("events"), client("athena")
    leftovers = {
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "queues": sqs.list_queues().get("QueueUrls", []),
        "roles": [role["RoleName"] for role in iam.list_roles()["Roles"]],
        "functions": [function["FunctionName"] for function in client("lambda").list_functions()["Functions"]],
        "mappings": [
            mapping["UUID"] for mapping in client("lambda").list_event_source_mappings()["EventSourceMappings"]
        ],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "rules": [rule["Name"] for rule in events.list_rules()["Rules"]],
        "logs": [group["logGroupName"] for group in client("logs").describe_log_groups()["logGroups"]],
        "trails": [trail["Name"] for trail in client("cloudtrail").describe_trails()["trailList"]],
        "databases": [database["Name"] for database in client("glue").get_databases()["DatabaseList"]],
        "workgroups": [
            group["Name"] for group in athena.list_work_groups()["WorkGroups"] if group["Name"] != "primary"
        ],
    }
    return {kind: names for kind, names in leftovers.items() if names}


def emptied(s3, *buckets):
    """Remove all versions of all objects: Terraform must not."""
    for bucket in buckets:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])

"""The embedded Athena: queries run over the embedded AWS's own buckets, with AWS's states, errors and CSV."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from botocore.exceptions import ClientError

from s3_clients import client, fresh

pytest.importorskip("duckdb", reason="the embedded Athena needs duckdb (windlass-aws[local])")
pytest.importorskip("sqlglot", reason="the embedded Athena needs sqlglot (windlass-aws[local])")

TABLE = """CREATE EXTERNAL TABLE {database}.events (
  useridentity struct<type:string,arn:string>, eventname string, additionaleventdata string, resources array<struct<arn:string>>
) PARTITIONED BY (`timestamp` string)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://{bucket}/logs/'
TBLPROPERTIES ('projection.enabled'='true', 'projection.timestamp.type'='date', 'projection.timestamp.format'='yyyy/MM/dd',
  'storage.location.template'='s3://{bucket}/logs/${{timestamp}}')"""
RECORDS = [
    {
        "userIdentity": {"type": "Root", "arn": "a", "more": 1},
        "eventName": "Put",
        "additionalEventData": {"x": "SigV2", "n": 3},
    },
    {"eventName": 'say "hi", there', "resources": [{"ARN": "r1"}, {"ARN": "r2"}]},
]


class Asked:
    def __init__(self, url):
        self.bucket, self.database = fresh(), fresh("db").replace("-", "_")
        self.s3, self.athena = client(url), client(url, "athena")
        self.s3.create_bucket(Bucket=self.bucket)
        body = gzip.compress(json.dumps({"Records": RECORDS}).encode())
        self.s3.put_object(Bucket=self.bucket, Key="logs/2026/11/20/a.json.gz", Body=body)
        self.s3.put_object(Bucket=self.bucket, Key="logs/readme.txt", Body=b"in no partition")
        assert self.run(f"CREATE DATABASE {self.database}")["State"] == "SUCCEEDED"
        assert self.run(TABLE.format(database=self.database, bucket=self.bucket))["State"] == "SUCCEEDED"

    def run(self, text):
        started = self.athena.start_query_execution(
            QueryString=text,
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/out/"},
            QueryExecutionContext={"Database": self.database},
        )
        self.id = started["QueryExecutionId"]
        for _ in range(200):
            self.execution = self.athena.get_query_execution(QueryExecutionId=self.id)["QueryExecution"]
            if self.execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return self.execution["Status"]
            time.sleep(0.02)
        raise AssertionError(self.execution)

    def rows(self, text):
        assert self.run(text)["State"] == "SUCCEEDED", self.execution
        rows = self.athena.get_query_results(QueryExecutionId=self.id)["ResultSet"]["Rows"]
        return [tuple(entry.get("VarCharValue") for entry in row["Data"]) for row in rows]


@pytest.fixture
def asked(local_aws):
    return Asked(local_aws.url)


def test_structs_json_texts_arrays_and_partitions(asked):
    result = asked.rows(
        "SELECT useridentity.arn, json_extract_scalar(additionaleventdata, '$.x') AS x, cardinality(resources) AS n, \"timestamp\" "
        "FROM events ORDER BY eventname"
    )
    assert result == [
        ("arn", "x", "n", "timestamp"),
        ("a", "SigV2", None, "2026/11/20"),
        (None, None, "2", "2026/11/20"),
    ]
    assert asked.execution["Statistics"]["DataScannedInBytes"] > 0


def test_the_csv_distinguishes_null_from_empty_and_quotes_as_athena_does(asked):
    asked.rows("SELECT eventname, useridentity.type AS t, '' AS e FROM events ORDER BY 1")
    key = asked.execution["ResultConfiguration"]["OutputLocation"].partition(f"{asked.bucket}/")[2]
    body = asked.s3.get_object(Bucket=asked.bucket, Key=key)["Body"].read().decode()
    assert body == '"eventname","t","e"\n"Put","Root",""\n"say ""hi"", there",,""\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM nothing_there", "TABLE_NOT_FOUND"),
        ("SELECT nonsense FROM events", "nonsense"),
        ("SELECT FROM WHERE", "ParseException"),
        ("INSERT INTO events VALUES (1)", "NOT_SUPPORTED"),
        ("CREATE EXTERNAL TABLE no_such_database.t (a string) LOCATION 's3://x/'", "Database does not exist"),
    ],
)
def test_failed_queries_have_a_reason(asked, text, reason):
    status = asked.run(text)
    assert status["State"] == "FAILED"
    assert reason in status["StateChangeReason"]
    with pytest.raises(ClientError, match="not yet finished"):
        asked.athena.get_query_results(QueryExecutionId=asked.id)


def test_tables_are_dropped_and_made_again(asked):
    assert asked.run("DROP TABLE IF EXISTS events")["State"] == "SUCCEEDED"
    assert asked.run("SELECT * FROM events")["State"] == "FAILED"
    again = TABLE.format(database=asked.database, bucket=asked.bucket)
    assert asked.run(again)["State"] == "SUCCEEDED"
    assert asked.run(again)["State"] == "FAILED"  # it exists
    assert asked.run(again.replace("TABLE ", "TABLE IF NOT EXISTS ", 1))["State"] == "SUCCEEDED"


def test_an_output_location_is_needed_and_queries_are_known_by_id(asked):
    with pytest.raises(ClientError, match="No output location"):
        asked.athena.start_query_execution(QueryString="SELECT 1")
    with pytest.raises(ClientError, match="not found"):
        asked.athena.get_query_execution(QueryExecutionId="00000000-0000-0000-0000-000000000000")
    assert asked.athena.list_work_groups()["WorkGroups"][0]["Name"] == "primary"  # the rest is still moto's


def test_a_table_of_the_glue_catalog_is_read_and_a_workgroup_that_insists_gets_the_results(asked, local_aws):
    glue, athena = client(local_aws.url, "glue"), asked.athena
    database, group = fresh("glue").replace("-", "_"), fresh("group")
    glue.create_database(DatabaseInput={"Name": database})
    columns = {
        "eventname": "string",
        "useridentity": "struct<type:string,arn:string>",
        "resources": "array<struct<arn:string>>",
    }
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "events",
            "Parameters": {
                "projection.enabled": "true",
                "storage.location.template": f"s3://{asked.bucket}/logs/${{log_day}}",
            },
            "PartitionKeys": [{"Name": "log_day", "Type": "string"}],
            "StorageDescriptor": {
                "Location": f"s3://{asked.bucket}/logs/",
                "InputFormat": "com.amazon.emr.cloudtrail.CloudTrailInputFormat",
                "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
            },
        },
    )
    query = f"SELECT useridentity.arn, cardinality(resources) AS n, log_day FROM {database}.events ORDER BY eventname"
    assert asked.rows(query)[1:] == [("a", None, "2026/11/20"), (None, "2", "2026/11/20")]

    theirs = {"OutputLocation": f"s3://{asked.bucket}/theirs/"}
    athena.create_work_group(
        Name=group, Configuration={"ResultConfiguration": theirs, "EnforceWorkGroupConfiguration": True}
    )
    ours = {"OutputLocation": f"s3://{asked.bucket}/ours/"}
    started = athena.start_query_execution(QueryString=query, WorkGroup=group, ResultConfiguration=ours)
    query_execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
    assert query_execution["ResultConfiguration"]["OutputLocation"].startswith(theirs["OutputLocation"])

"""The commands as people type them, and the whole way: a trail, old clients, their logs in S3, the report."""

from __future__ import annotations

import csv
import io
import json
import urllib.request
import uuid

import boto3
import pytest
from botocore.config import Config

from tests.clients.logs import CLI_OLD, HADOOP, NODE_OLD, file_bytes, log_path, record, write
from tests.privilege import least_privilege
from windlass.cli.main import _run

__all__ = ["least_privilege"]

ACCOUNT = "444455556666"


@pytest.fixture
def windlass(tmp_path, monkeypatch, capsys, least_privilege):
    """Runs a command in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*words, config="", answer=None):
        if config:
            (tmp_path / "windlass.toml").write_text(config)
        if answer is not None:
            monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        least_privilege.typed(*words)
        code = _run([*words], debug=False)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def scanned(windlass, tmp_path):
    """After a scan of a small folder."""
    write(
        log_path(tmp_path / "logs", 1),
        file_bytes([record(), record(agent=HADOOP, signature="SigV4"), record(agent="<script>alert(1)</script>")]),
    )
    write(log_path(tmp_path / "logs", 2), file_bytes([record(agent=CLI_OLD, bucket="=cmd()")]))
    log_path(tmp_path / "logs", 3).write_bytes(b"broken")
    return windlass("clients", "scan", "logs", "-q")


def test_scan_tells_what_was_read_and_what_could_not_be(scanned, windlass):
    code, out, err = scanned
    assert code == 0
    assert "3 files read" in out
    assert "0000003.json.gz: not JSON" in err
    code, out, err = windlass("clients", "scan", "logs", "--strict", "-q")
    assert (code, "3 read before" in out) == (1, True)  # what could not be read is still unread
    code, _, err = windlass("clients", "scan", "logs", "--strict", "--fresh", "-q")
    assert code == 1
    assert "1 logs could not be read" in err


@pytest.mark.usefixtures("scanned")
def test_the_report_in_every_form_says_the_same(windlass, tmp_path):
    _, table, _ = windlass("clients", "report")
    assert "AWS SDK for JavaScript 2.2.35" in table
    assert "AWS SDK for JavaScript 3" in table
    _, out, _ = windlass("clients", "report", "-o", "json")
    rows = json.loads(out)
    assert {row["client"] for row in rows} == {
        "AWS SDK for JavaScript 2.2.35",
        "AWS SDK for Java 1.12.262",
        "AWS CLI 1.11.10",
        "<script>alert(1)</script>",
    }
    assert all(row["upgrade"] for row in rows)
    _, out, _ = windlass("clients", "report", "-o", "csv")
    listed = list(csv.DictReader(io.StringIO(out)))
    assert [entry["client"] for entry in listed] == [row["client"] for row in rows]
    assert "'=cmd()" in [entry["bucket"] for entry in listed]
    _, _, err = windlass("clients", "report", "--html", "report.html", "--parquet", "uses.parquet")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "4 clients" in err
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "src=" not in page
    assert "<link" not in page
    import pyarrow.parquet

    kept = pyarrow.parquet.read_table(tmp_path / "uses.parquet").to_pylist()
    assert sum(entry["requests"] for entry in kept) == 4
    assert {entry["sdk"] for entry in kept} == {"javascript", "java", "aws-cli", ""}


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize(
    ("fail_on", "more", "code"),
    [
        ("sigv2", (), 3),
        ("any", (), 3),
        ("sigv2", ("--rules", "sdk"), 3),  # what is shown and what is judged are two things
        ("tls", (), 1),  # one log is broken: nothing was found, and nothing is proved
        ("tls", ("--accept-gaps",), 0),
        ("anonymous,tls", ("--accept-gaps",), 0),
        ("path-style", ("--accept-gaps",), 0),
        ("sdk", ("--as-of", "2020-01-01", "--rules", "sdk", "--accept-gaps"), 0),
        ("nope", (), 252),
    ],
)
def test_fail_on_is_for_ci(windlass, fail_on, more, code):
    assert windlass("clients", "report", "--fail-on", fail_on, *more)[0] == code


@pytest.mark.usefixtures("scanned")
def test_agents_scans_and_the_table(windlass):
    assert "AWS SDK for Java" in windlass("clients", "agents")[1]
    assert "logs" in windlass("clients", "scans")[1]
    assert "1.11.108" in windlass("clients", "table")[1]
    assert windlass("clients", "scan", "nowhere")[0] == 254
    assert windlass("clients", "scan", "logs", "--rules", "sigv3")[0] == 252


# --- the whole way, against the embedded AWS ------------------------------------------------------------------------


def config_of(url):
    return f"""
[estate]
endpoint_url = "{url}"
regions = ["us-east-1"]
accounts = [{{ id = "{ACCOUNT}" }}]

[clients]
trail_name = "t-{uuid.uuid4().hex[:8]}"
"""


def s3_client(url, **config):
    given = Config(s3={"addressing_style": "path"}, **config)
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
        config=given,
    )


def _say_old(request, **_):
    del request.headers["User-Agent"]  # botocore signs its own name onto any agent it is given
    request.headers["User-Agent"] = NODE_OLD


def test_from_the_trail_to_the_finding(local_aws, windlass):
    url, bucket = local_aws.url, f"reports-{uuid.uuid4().hex[:8]}"
    new = s3_client(url)
    new.create_bucket(Bucket=bucket)
    new.put_bucket_metrics_configuration(Bucket=bucket, Id="all", MetricsConfiguration={"Id": "all"})
    config = config_of(url)
    code, out, err = windlass("clients", "trail", "enable", "--dry-run", config=config)
    assert (code, "PutEventSelectors" in out, "a month" in err) == (0, True, True)
    assert json.loads(windlass("clients", "trail", "status")[1])["exists"] is False
    code, out, err = windlass("clients", "trail", "enable", "--yes")
    assert code == 0, err
    assert "trail disable" in err
    status = json.loads(windlass("clients", "trail", "status")[1])
    assert (status["logging"], status["validated"]) == (True, True)
    fields = status["selectors"][0]["FieldSelectors"]
    assert {"Field": "resources.ARN", "NotStartsWith": [f"arn:aws:s3:::{status['bucket']}/"]} in fields
    policy = json.loads(new.get_bucket_policy(Bucket=status["bucket"])["Policy"])
    assert policy["Statement"][1]["Condition"]["StringEquals"]["aws:SourceArn"].endswith(f"trail/{status['name']}")
    assert windlass("clients", "trail", "enable", "--yes")[0] == 254  # it is there

    new.put_object(Bucket=bucket, Key="k", Body=b"x")
    old = s3_client(url, signature_version="s3")
    old.meta.events.register("before-send.s3", _say_old)
    for _ in range(3):
        old.get_object(Bucket=bucket, Key="k")["Body"].read()
    with urllib.request.urlopen(f"{url}/_windlass/trails", timeout=10):
        pass
    code, out, err = windlass("clients", "scan", status["location"], "-q")
    assert code == 0, err
    (found,) = json.loads(windlass("clients", "report", "-o", "json", "--rules", "sigv2")[1])
    assert (found["client"], found["requests"], found["buckets"]) == ("AWS SDK for JavaScript 2.2.35", 3, {bucket: 3})
    again = windlass("clients", "scan", status["location"], "-q", "-o", "json")
    assert json.loads(again[1])[0]["skipped"] >= 1

    assert windlass("clients", "trail", "disable", answer="n\n")[0] == 252  # without a terminal it needs --yes
    assert json.loads(windlass("clients", "trail", "status")[1])["exists"] is True
    assert windlass("clients", "trail", "disable", "--yes")[0] == 0
    assert json.loads(windlass("clients", "trail", "status")[1])["exists"] is False
    assert windlass("clients", "trail", "disable", "--yes")[0] == 254


def test_the_price_counts_what_s3_counted(local_aws, windlass):
    from datetime import UTC, datetime, timedelta

    url, bucket = local_aws.url, f"busy-{uuid.uuid4().hex[:8]}"
    s3_client(url).create_bucket(Bucket=bucket)
    s3_client(url).put_bucket_metrics_configuration(Bucket=bucket, Id="all", MetricsConfiguration={"Id": "all"})
    watch = boto3.client(
        "cloudwatch", endpoint_url=url, region_name="us-east-1", aws_access_key_id=ACCOUNT, aws_secret_access_key="x"
    )
    point = {
        "MetricName": "AllRequests",
        "Value": 7_000_000,
        "Timestamp": datetime.now(UTC) - timedelta(days=1),
        "Dimensions": [{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": "all"}],
    }
    watch.put_metric_data(Namespace="AWS/S3", MetricData=[point])
    _, _, err = windlass("clients", "trail", "enable", "--dry-run", "--buckets", bucket, config=config_of(url))
    assert "1,000,000 requests a day in 1 buckets ($30.00 for events" in err


def test_the_demo_estates_old_programs_are_traced_to_their_machines(local_aws, windlass):
    from windlass_local.sample_estate.old_clients import PROGRAMS, simulate_old_clients

    url, account = local_aws.url, "555566667777"
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "x", "endpoint_url": url, "region_name": "us-east-1"}
    boto3.client("s3", **keys).create_bucket(Bucket=f"data-{uuid.uuid4().hex[:8]}")
    boto3.client("iam", **keys).create_role(
        RoleName=f"app-{uuid.uuid4().hex[:8]}", AssumeRolePolicyDocument="{}", Path="/"
    )
    machines = boto3.client("ec2", **keys)
    for team in ("payments", "media"):
        tags = [{"Key": "Name", "Value": f"{team}-1"}, {"Key": "team", "Value": team}]
        machines.run_instances(
            ImageId="ami-0abcdef1234567890",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
    location = simulate_old_clients(url, account_id=account, region="us-east-1", days=3)
    config = config_of(url).replace(ACCOUNT, account)
    assert windlass("inventory", "collect", "-q", "-t", "ec2.instance", "-t", "iam.*", config=config)[0] in (0, 1)
    code, _, err = windlass("clients", "scan", location, "-q")
    assert code == 0, err
    found = {
        load["agent"]: load
        for load in json.loads(windlass("clients", "report", "-o", "json", "--rules", "sigv2,tls,sdk,runtime")[1])
    }
    assert set(found) == {program.agent for program in PROGRAMS[:4]}
    old = found[PROGRAMS[0].agent]
    assert old["rules"] == ["sigv2", "sdk", "runtime"]
    assert old["owner"] in ("payments (payments-1)", "media (media-1)")
    assert old["upgrade"].startswith("to AWS SDK for JavaScript 3 or later: Move to AWS SDK for JavaScript v3")
    assert found[PROGRAMS[1].agent]["rules"] == ["sigv2", "tls", "sdk", "runtime"]
    assert len(old["days"]) >= 3

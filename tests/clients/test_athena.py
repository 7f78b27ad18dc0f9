"""Both engines on one data set, row for row; the SQL's grammar against the parser's; the SQL itself."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config

from tests.clients.corpus import corpus
from tests.clients.estate import inventory_with_history
from tests.clients.logs import CLI_OLD, HADOOP, JAVA_2, NODE_OLD, file_bytes, log_path, record, write
from windlass.clients.agents import parse_agent
from windlass.clients.athena.agents import packed, parsed_columns, plain_layers
from windlass.clients.athena.sql import Layout, create_table, query, table_name
from windlass.clients.config import ClientsConfig
from windlass.clients.directory import InventoryDirectory
from windlass.clients.exclusions import exclusion_of
from windlass.clients.exclusions import sql as exclusion_sql
from windlass.clients.model import S3RequestFacts
from windlass.clients.rules import RULES
from windlass.clients.service import CallerContext, Clients, ScanOptions
from windlass.clients.versions import pack
from windlass.core.errors import AwsError, Conflict, NotFound, UsageError
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate

duckdb = pytest.importorskip("duckdb", reason="the embedded Athena needs duckdb (windlass-aws[local])")
sqlglot = pytest.importorskip("sqlglot", reason="the embedded Athena needs sqlglot (windlass-aws[local])")

ACCOUNT = "777788880007"
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
LAYOUT = Layout(bucket="logs", prefix="AWSLogs/", accounts=(ACCOUNT,), regions=("us-east-1",), first_day="2026-11-01")


# --- the grammar in SQL ---------------------------------------------------------------------------------------------


def parsed_by_sql(agents: list[str]) -> list[tuple]:
    """(client, its packed version, signer, its packed version, runtime, its packed version, noise) by the SQL."""
    trimmed, bare, plain = plain_layers("agent")
    one, two, three = parsed_columns()
    text = f"""
    WITH a AS (SELECT *, {trimmed} FROM agents), b AS (SELECT *, {bare} FROM a),
      c AS (SELECT *, {plain}, lower(bare) AS plain_agent FROM b), d AS (SELECT *, {one} FROM c), e AS (SELECT *, {two} FROM d),
      f AS (SELECT *, {three} FROM e)
    SELECT client, {packed("client_text")}, signer, {packed("signer_text")}, runtime, {packed("runtime_text")}, {exclusion_sql()}
    FROM f ORDER BY n"""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE agents AS SELECT unnest(range(len(?))) AS n, unnest(?) AS agent, '' AS caller_kind",
            [agents, agents],
        )
        return connection.execute(sqlglot.transpile(text, read="athena", write="duckdb")[0]).fetchall()


def parsed_by_python(text: str) -> tuple:
    agent = parse_agent(text)

    def number(product):
        return pack(product.numbers) if product.numbers else None

    exclusion = exclusion_of(S3RequestFacts(text, "", "", "", "", "", ""))
    return (
        agent.client.id,
        number(agent.client),
        agent.signer.id,
        number(agent.signer),
        agent.runtime.id,
        number(agent.runtime),
        exclusion,
    )


def test_sql_parses_every_real_agent_as_the_parser_does():
    agents = [corpu.text for corpu in corpus()]
    agents += (
        [f"[{agent}]" for agent in agents] + [agent.upper() for agent in agents] + [f" {agent}\t" for agent in agents]
    )
    for text, found in zip(agents, parsed_by_sql(agents), strict=True):
        assert found == parsed_by_python(text), text


def test_sql_parses_random_agents_as_the_parser_does():
    rng = random.Random(7)
    pieces = [
        "aws-sdk-java",
        "aws-sdk-go",
        "aws-sdk-go-v2",
        "Boto3",
        "botocore",
        "aws-cli",
        "aws-sdk-dotnet-xamarin.ios",
        "boto",
        "Python",
        "linux",
        "darwin",
        "md/",
        "lang/",
        "ua/2.0",
        "/",
        "#",
        "/1.11.5",
        "/v12.3",
        "#3.8",
        "/1.4.6",
        "/2",
        "/rds/1.2",
        "/dev",
        "(",
        ")",
        "((",
        "[",
        "]",
        ",",
        ", ",
        " ",
        " ",
        " ",
        "\t",
        "-",
        "nodejs",
        "ruby/2.7",
        ".NET_Core/6.0",
        "s3console/0.4",
        "aws-internal/3",
        "x.amazonaws.com",
        "9" * 20,
        "ü",
        "K",
        "\n",
    ]
    agents = ["".join(rng.choice(pieces) for _ in range(rng.randrange(12))) for _ in range(20_000)]
    for text, found in zip(agents, parsed_by_sql(agents), strict=True):
        assert found == parsed_by_python(text), repr(text)


# --- both engines on one data set -----------------------------------------------------------------------------------


def s3_of(url):
    config = Config(s3={"addressing_style": "path"})
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
        config=config,
    )


@pytest.fixture
def estate(local_aws):
    config = EstateConfig(endpoint_url=local_aws.url, regions=["us-east-1"], accounts=[AccountConfig(id=ACCOUNT)])
    with open_estate(config, {}) as opened:
        yield opened


@pytest.fixture
def bucket(local_aws):
    """An empty bucket for logs and results."""
    name = f"logs-{uuid.uuid4().hex[:8]}"
    s3_of(local_aws.url).create_bucket(Bucket=name)
    return name


def clients_of(store, estate, bucket, inventory=None):
    config = ClientsConfig(athena_output=f"s3://{bucket}/results/")
    directory = {"directory": lambda: InventoryDirectory(inventory)} if inventory else {}
    return Clients(
        store, config, home=lambda: CallerContext(estate, ACCOUNT, "us-east-1"), now=lambda: NOW, **directory
    )


def upload(url, bucket, folder):
    s3 = s3_of(url)
    for path in folder.rglob("*.json.gz"):
        s3.put_object(Bucket=bucket, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())


def all_rows(clients):
    """Everything a scan left, comparable."""
    uses = sorted(
        (tuple(use.key.facts), use.key[1:], use.day, use.holder, use.owner, use.requests, use.first_seen, use.last_seen)
        for use in clients.uses()
    )
    counts = sorted(
        (count.agent, count.signature, count.tls, count.exclusion, count.requests) for count in clients.counts()
    )
    return uses, counts


def messy_records(rng: random.Random, number: int):
    agents = [corpu.text for corpu in corpus()] + ["[]", "", "athena.amazonaws.com", "SigV2"]
    identities = [
        None,
        {"type": "AWSAccount", "accountId": "anonymous", "principalId": ""},
        {"type": "AWSService", "invokedBy": "s3.amazonaws.com"},
        {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/backup",
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        },
        {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0aaaaaaaaaaaaaaaa",
            "accountId": ACCOUNT,
        },
        {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y",
            "accountId": ACCOUNT,
            "invokedBy": "athena.amazonaws.com",
        },
    ]
    for _ in range(number):
        style = rng.random()
        bucket = rng.choice(["raw", "reports", "a.b"])
        found = record(
            agent=rng.choice(agents),
            signature=rng.choice(["SigV2", "SigV4", "SigV4", None]),
            method=rng.choice(["AuthHeader", "QueryString", None]),
            tls=rng.choice(["TLSv1.2", "TLSv1.3", "TLSv1.1", "TLSv1", None]),
            bucket=bucket,
            time=f"2026-11-{rng.randrange(18, 21)}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}Z",
            ip=rng.choice(["10.0.1.5", "10.0.1.9", "198.51.100.7", "203.0.113.5", "athena.amazonaws.com"]),
            region=rng.choice(["us-east-1", "eu-central-1", "eu-west-1"]),
            identity=rng.choice(identities),
            source=rng.choice(["s3.amazonaws.com"] * 9 + ["sts.amazonaws.com"]),
            key="x".join(rng.choices(["SigV2", '"', "é"], k=3)),
            host="s3.amazonaws.com" if style < 0.3 else None,
        )
        found["recipientAccountId"] = rng.choice(["123456789012", ACCOUNT])
        if rng.random() < 0.1:
            found["vpcEndpointId"] = "vpce-0123456789abcdef0"
        if rng.random() < 0.05:
            found["sessionCredentialFromConsole"] = "true"
        if rng.random() < 0.05:
            found["additionalEventData"] = found["tlsDetails"] = found["requestParameters"] = None
        yield found


@pytest.mark.parametrize("rules", [(), ("all",), ("sigv2",)])
def test_both_engines_agree_row_for_row(local_aws, estate, bucket, store, tmp_path, rules):
    rng = random.Random(21)
    for number, (day, region) in enumerate(
        [("2026-11-18", "us-east-1"), ("2026-11-19", "us-east-1"), ("2026-11-20", "eu-west-1")]
    ):
        path = log_path(tmp_path / "logs", number, day=day, account=ACCOUNT, region=region)
        write(path, file_bytes(list(messy_records(rng, 700)), indent=1 if number else None), members=1 + number)
    upload(local_aws.url, bucket, tmp_path / "logs")
    clients = clients_of(store, estate, bucket, inventory_with_history(store))
    since = datetime(2026, 11, 18, 6, tzinfo=UTC)
    source = f"s3://{bucket}/AWSLogs/"
    local = clients.scan(ScanOptions(source=source, rules=rules, since=since, workers=1))
    expected = all_rows(clients)
    expected_report = clients.report(rules=list(rules) or None or ())
    with pytest.raises(Conflict, match="count twice"):
        clients.scan(ScanOptions(source=source, since=since, athena=True))
    by_athena = clients.scan(ScanOptions(source=source, rules=rules, since=since, athena=True, fresh=True))
    assert all_rows(clients) == expected
    with pytest.raises(Conflict, match="read by Athena"):
        clients.scan(ScanOptions(source=source, workers=1))
    clients.scan(ScanOptions(source=source, rules=rules, since=since, athena=True))  # a day's answer replaces itself
    assert all_rows(clients) == expected
    assert clients.report(rules=list(rules)) == expected_report
    assert (by_athena.engine, by_athena.requests) == ("athena", local.requests)
    assert len(expected[0]) > 50
    assert by_athena.size_bytes > 0


def test_an_address_that_changed_hands_within_a_day_is_asked_for_to_the_second(
    local_aws, estate, bucket, store, tmp_path
):
    times = ["10:00:00", "10:29:59", "10:30:00", "11:00:00"]
    write(log_path(tmp_path, 1, account=ACCOUNT), file_bytes([record(time=f"2026-11-20T{time}Z") for time in times]))
    upload(local_aws.url, bucket, tmp_path)
    clients = clients_of(store, estate, bucket, inventory_with_history(store))
    clients.scan(ScanOptions(source=f"s3://{bucket}/AWSLogs/", athena=True))
    assert sorted((use.owner, use.requests, use.first_seen[11:]) for use in clients.uses()) == [
        ("data", 2, "10:30:00Z"),
        ("web", 2, "10:00:00Z"),
    ]


def test_partitions_are_projected_so_that_days_before_are_not_read(local_aws, estate, bucket, sqlite_store, tmp_path):
    for day in range(1, 21):
        write(
            log_path(tmp_path, day, day=f"2026-11-{day:02d}", account=ACCOUNT),
            file_bytes([record(time=f"2026-11-{day:02d}T08:00:00Z")]),
        )
    upload(local_aws.url, bucket, tmp_path)
    clients = clients_of(sqlite_store, estate, bucket)
    done = clients.scan(ScanOptions(source=f"s3://{bucket}", since=datetime(2026, 11, 19, tzinfo=UTC), athena=True))
    assert done.requests == 2


def test_what_athena_refuses_is_told(local_aws, estate, bucket, sqlite_store, tmp_path):
    clients = clients_of(sqlite_store, estate, bucket)
    with pytest.raises(NotFound, match="no ACCOUNT/CloudTrail/REGION"):
        clients.scan(ScanOptions(source=f"s3://{bucket}/AWSLogs/", athena=True))
    with pytest.raises(UsageError, match="Athena cannot read the folder"):
        clients.scan(ScanOptions(source=str(tmp_path), athena=True))
    write(log_path(tmp_path, 1, account=ACCOUNT), file_bytes([record()]))
    upload(local_aws.url, bucket, tmp_path)
    nowhere = Clients(
        sqlite_store,
        ClientsConfig(athena_output="s3://no-such-bucket-anywhere/"),
        home=lambda: CallerContext(estate, ACCOUNT, "us-east-1"),
        now=lambda: NOW,
    )
    with pytest.raises(AwsError, match="output bucket"):
        nowhere.scan(ScanOptions(source=f"s3://{bucket}/AWSLogs/", athena=True))


# --- the SQL itself -------------------------------------------------------------------------------------------------


def test_every_statement_is_athenas_own_dialect_and_fits_its_limit():
    for text in (
        create_table(LAYOUT, "windlass"),
        query(
            LAYOUT, "windlass", rules=("all",), first_day="2026-11-01", last_day="2026-11-20", addresses=["10.0.0.1"]
        ),
    ):
        (tree,) = sqlglot.parse(text, dialect="athena")
        assert not isinstance(tree, sqlglot.exp.Command)  # parsed, not passed through
        assert len(text) < 262_144


def test_the_table_is_projected_by_account_region_and_day():
    text = create_table(LAYOUT, "windlass")
    assert "'storage.location.template'='s3://logs/AWSLogs/${log_account}/CloudTrail/${log_region}/${log_day}'" in text
    assert "'projection.log_day.range'='2026/11/01,NOW'" in text
    assert table_name(LAYOUT) in text


def test_names_and_texts_cannot_break_out_of_the_sql():
    with pytest.raises(UsageError):
        create_table(LAYOUT, "x; DROP TABLE y")
    assert "'o''brien'" in query(LAYOUT, "w", addresses=["o'brien"])


def test_each_rules_sql_sees_what_its_function_sees():
    rng = random.Random(5)
    facts = [
        S3RequestFacts(
            rng.choice([NODE_OLD, CLI_OLD, JAVA_2, HADOOP, "", "curl/8", *[corpu.text for corpu in corpus()]]),
            rng.choice(["SigV2", "SigV4", ""]),
            rng.choice(["AuthHeader", "QueryString", ""]),
            rng.choice(["TLSv1", "TLSv1.1", "TLSv1.2", ""]),
            rng.choice(["path", "host", ""]),
            rng.choice(["us-east-1", "eu-central-1", ""]),
            rng.choice(["", "anonymous", "console"]),
        )
        for _ in range(1500)
    ]
    trimmed, bare, plain = plain_layers("agent")
    one, two, three = parsed_columns()
    sees = ", ".join(f"coalesce({rule.sql()}, false) AS r{at}" for at, rule in enumerate(RULES))
    text = f"""
    WITH a AS (SELECT *, {trimmed} FROM facts), b AS (SELECT *, {bare} FROM a), c AS (SELECT *, {plain} FROM b),
      d AS (SELECT *, {one} FROM c), e AS (SELECT *, {two} FROM d), f AS (SELECT *, {three} FROM e),
      g AS (SELECT *, {packed("client_text")} AS client_version, {packed("signer_text")} AS signer_version, {packed("runtime_text")} AS runtime_version FROM f)
    SELECT {sees} FROM g ORDER BY n"""
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE facts (n INT, {', '.join(f'{name} VARCHAR' for name in S3RequestFacts._fields)})"
        )
        connection.executemany(
            "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(at, *one) for at, one in enumerate(facts)]
        )
        found = connection.execute(sqlglot.transpile(text, read="athena", write="duckdb")[0]).fetchall()
    for one_facts, row in zip(facts, found, strict=True):
        assert row == tuple(rule.matches(one_facts) for rule in RULES), one_facts
    assert all(any(row[at] for row in found) for at in range(len(RULES)))

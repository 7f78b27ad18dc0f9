"""The table over a trail's logs and the query that applies the rules, for Athena (Trino's SQL, Hive's DDL). Pure.

One pass over the logs groups requests twice: by all columns of a use and, for the counts, by agent, signature, TLS version
and day. Agents are parsed and rules applied to these groups, not to single records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from windlass.clients.athena.agents import packed, parsed_columns, plain_layers
from windlass.clients.exclusions import sql as exclusion_sql
from windlass.clients.rules import named
from windlass.clients.scan.aggregator import ANONYMOUS, HOST_DOMAIN_PATTERN, PATH_HOST_PATTERN
from windlass.core.errors import UsageError

__all__ = ["COLUMNS", "Layout", "create_database", "create_table", "query", "table_name"]

COLUMNS = (
    "kind",
    "agent",
    "signature",
    "method",
    "tls",
    "style",
    "region",
    "caller_kind",
    "account_id",
    "bucket",
    "principal",
    "instance",
    "access_key",
    "ip",
    "endpoint",
    "moment",
    "exclusion",
    "requests",
    "first_seen",
    "last_seen",
)
"""The columns of the result. `kind` is `use` or `count`; `moment` is the day or, for given addresses, the second."""

_FINE = ("method", "style", "region", "account_id", "bucket", "principal", "instance", "access_key", "ip", "endpoint")
_COARSE = ("agent", "signature", "tls", "caller_kind", "moment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders of a trail's logs: `prefix` of `bucket` contains accounts, regions in them, days in those."""

    bucket: str
    prefix: str  # up to and including AWSLogs/ or AWSLogs/o-…/
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    first_day: str  # 2026-11-20

    @property
    def location(self) -> str:
        """The location as an s3:// URL."""
        return f"s3://{self.bucket}/{self.prefix}"


def table_name(layout: Layout) -> str:
    """Return a table name that is unique to the layout: a changed layout is a new table without old partitions."""
    text = "|".join((layout.location, *layout.accounts, *layout.regions, layout.first_day))
    return f"cloudtrail_{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def create_database(database: str) -> str:
    """Return the statement that creates the database unless it exists."""
    return f"CREATE DATABASE IF NOT EXISTS {_name(database)}"


def create_table(layout: Layout, database: str) -> str:
    """Return the statement that creates the table. Partitions are projected: a query of one day reads the files of that day."""
    issuer = "type:string,principalid:string,arn:string,accountid:string,username:string"
    identity = (
        "type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,username:string,"
        f"sessioncontext:struct<sessionissuer:struct<{issuer}>>"
    )
    texts = (
        "eventtime",
        "eventsource",
        "eventname",
        "awsregion",
        "sourceipaddress",
        "useragent",
        "errorcode",
        "requestparameters",
        "additionaleventdata",
        "requestid",
        "eventid",
        "recipientaccountid",
        "vpcendpointid",
        "sessioncredentialfromconsole",
    )
    columns = [
        f"useridentity struct<{identity}>",
        *(f"{name} string" for name in texts),
        "tlsdetails struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string>",
    ]
    template = f"{layout.location}${{log_account}}/CloudTrail/${{log_region}}/${{log_day}}"
    properties = {
        "projection.enabled": "true",
        "projection.log_account.type": "enum",
        "projection.log_account.values": ",".join(layout.accounts),
        "projection.log_region.type": "enum",
        "projection.log_region.values": ",".join(layout.regions),
        "projection.log_day.type": "date",
        "projection.log_day.format": "yyyy/MM/dd",
        "projection.log_day.range": f"{layout.first_day.replace('-', '/')},NOW",
        "projection.log_day.interval": "1",
        "projection.log_day.interval.unit": "DAYS",
        "storage.location.template": template,
    }
    listed = ",\n  ".join(f"'{name}'='{_safe(value)}'" for name, value in properties.items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {_name(database)}.{table_name(layout)} (\n  "
        + ",\n  ".join(columns)
        + "\n)\nPARTITIONED BY (log_account string, log_region string, log_day string)\n"
        "ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'\n"
        "STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'\n"
        "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n"
        f"LOCATION '{_safe(layout.location)}'\nTBLPROPERTIES (\n  {listed}\n)"
    )


def query(
    layout: Layout,
    database: str,
    *,
    rules: Sequence[str] = (),
    first_day: str = "",
    last_day: str = "",
    addresses: Sequence[str] = (),
) -> str:
    """Return the query for the uses that the rules match and the counts of all S3 requests, by day (UTC, inclusive).

    With `addresses`, the query returns only their uses, by second: for addresses whose holder changed. Events of the last minutes of
    a day are in the next day's folder, so that one more folder is read.
    """
    selected = named(rules)
    styled = any(rule.reads_style for rule in selected)
    where = ["eventsource = 's3.amazonaws.com'"]
    if first_day:
        where += [f"log_day >= '{_safe(first_day.replace('-', '/'))}'", f"eventtime >= '{_safe(first_day)}'"]
    if last_day:
        next_day = (date.fromisoformat(last_day) + timedelta(days=1)).isoformat()
        where += [f"log_day <= '{next_day.replace('-', '/')}'", f"eventtime < '{next_day}'"]
    if addresses:
        listed = ", ".join(f"'{_safe(address)}'" for address in addresses)
        where.append(f"sourceipaddress IN ({listed})")
    moment = "coalesce(eventtime, '')" if addresses else "substr(coalesce(eventtime, ''), 1, 10)"
    sets = f"({', '.join((*_COARSE, *_FINE))})" + ("" if addresses else f", ({', '.join(_COARSE)})")
    grouped = ", ".join(_COARSE) + ", " + ", ".join(f"coalesce({name}, '') AS {name}" for name in _FINE)
    trimmed, bare, plain = plain_layers("agent")
    tokens, ids, versions = parsed_columns()
    matches = " OR ".join(rule.sql() for rule in selected)
    # Only times and names come from the user; _safe and _name have checked them.
    return f"""\
WITH events AS (
  SELECT {_event_columns(moment, styled=styled)}
  FROM {_name(database)}.{table_name(layout)}
  WHERE {" AND ".join(where)}
), grouped AS (
  SELECT CASE WHEN grouping(bucket) = 1 THEN 'count' ELSE 'use' END AS kind, {grouped},
    count(*) AS requests, min(event_time) AS first_seen, max(event_time) AS last_seen
  FROM events GROUP BY GROUPING SETS ({sets})
), with_trimmed AS (SELECT *, {trimmed} FROM grouped
), with_bare AS (SELECT *, {bare} FROM with_trimmed
), with_plain AS (SELECT *, {plain}, lower(bare) AS plain_agent FROM with_bare
), with_names AS (SELECT *, {tokens} FROM with_plain
), with_ids AS (SELECT *, {ids} FROM with_names
), with_texts AS (SELECT *, {versions} FROM with_ids
), parsed AS (
  SELECT *, {packed("client_text")} AS client_version, {packed("signer_text")} AS signer_version,
    {packed("runtime_text")} AS runtime_version, {exclusion_sql()} AS exclusion
  FROM with_texts
)
SELECT {", ".join(COLUMNS)}
FROM parsed
WHERE kind = 'count' OR (exclusion = '' AND ({matches}))"""  # noqa: S608


def _event_columns(moment: str, *, styled: bool) -> str:
    identity = "useridentity"
    issuer = f"nullif({identity}.sessioncontext.sessionissuer.arn, '')"
    principal = f"coalesce({issuer}, nullif({identity}.arn, ''), {identity}.accountid, '')"
    bucket = "coalesce(json_extract_scalar(requestparameters, '$.bucketName'), '')"
    host = "lower(coalesce(tlsdetails.clientprovidedhostheader, ''))"
    style = (
        f"CASE WHEN {bucket} = '' THEN '' WHEN regexp_like({host}, '{PATH_HOST_PATTERN}') THEN 'path' "
        f"WHEN strpos({host}, concat({bucket}, '.')) = 1 AND regexp_like({host}, '{HOST_DOMAIN_PATTERN}') THEN 'host' ELSE '' END"
        if styled
        else "''"
    )
    caller_kind = (
        f"CASE WHEN {identity}.type = 'AWSService' OR coalesce({identity}.invokedby, '') <> '' THEN 'service' "
        f"WHEN {identity}.accountid IN {ANONYMOUS!r} THEN 'anonymous' "
        "WHEN sessioncredentialfromconsole = 'true' THEN 'console' ELSE '' END"
    )
    columns = {
        "agent": "coalesce(useragent, '')",
        "signature": "coalesce(json_extract_scalar(additionaleventdata, '$.SignatureVersion'), '')",
        "method": "coalesce(json_extract_scalar(additionaleventdata, '$.AuthenticationMethod'), '')",
        "tls": "coalesce(tlsdetails.tlsversion, '')",
        "style": style,
        "region": "coalesce(awsregion, '')",
        "caller_kind": caller_kind,
        "account_id": f"coalesce(nullif(recipientaccountid, ''), {identity}.accountid, '')",
        "bucket": bucket,
        "principal": principal,
        "instance": f"coalesce(regexp_extract({identity}.arn, '^(?:.*/)?(i-[0-9a-f]{{8,17}})$', 1), '')",
        "access_key": f"CASE WHEN {identity}.accesskeyid LIKE 'AKIA%' THEN {identity}.accesskeyid ELSE '' END",
        "ip": "coalesce(sourceipaddress, '')",
        "endpoint": "coalesce(vpcendpointid, '')",
        "moment": moment,
        "event_time": "coalesce(eventtime, '')",
    }
    return ",\n    ".join(f"{expression} AS {name}" for name, expression in columns.items())


def _name(text: str) -> str:
    if not text.replace("_", "").isalnum() or not text.isascii():
        raise UsageError(
            f"{text!r} is not a valid name of a Glue database", hint="Use letters, digits and underscores."
        )
    return text


def _safe(text: str) -> str:
    """Return the text escaped for single quotes."""
    return text.replace("'", "''")

"""The runner of Athena queries: it creates the table, waits for the query and fetches its CSV result from S3."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.clients.athena.sql import Layout, create_database, create_table, query
from windlass.clients.model import RequestCount, S3RequestFacts, UseKey
from windlass.clients.ports import AwsCaller
from windlass.clients.scan.sources import Location
from windlass.core.errors import AwsError, Interrupted, NotFound

__all__ = ["AthenaClient", "QueryResult", "layout_of"]

_WAIT_S = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A query's rows and the number of bytes it read."""

    rows: Sequence[Mapping[str, str]]
    scanned_bytes: int

    def counts(self) -> Iterator[RequestCount]:
        """Yield the counts of all S3 requests."""
        for row in self.rows:
            if row["kind"] == "count":
                yield RequestCount(
                    agent=row["agent"],
                    signature=row["signature"],
                    tls=row["tls"],
                    day=row["moment"],
                    exclusion=row["exclusion"],
                    requests=int(row["requests"]),
                )

    def uses(self) -> Iterator[tuple[UseKey, int, str, str]]:
        """Yield (key, requests, first, last) of the requests that the rules match, by day or, for given addresses, by second."""
        for row in self.rows:
            if row["kind"] == "use":
                facts = S3RequestFacts(*(row[name] for name in S3RequestFacts._fields))
                key = UseKey(facts, *(row[name] for name in UseKey._fields if name != "facts"))
                yield key, int(row["requests"]), row["first_seen"], row["last_seen"]


class AthenaClient:
    """Athena in one account and region."""

    def __init__(
        self,
        caller: AwsCaller,
        account_id: str,
        region: str,
        *,
        database: str,
        workgroup: str,
        output: str,
        stop: threading.Event | None = None,
    ) -> None:
        self._caller = caller
        self._account_id = account_id
        self._region = region
        self._database = database
        self._workgroup = workgroup
        self._output = output
        self._stop = stop or threading.Event()

    def prepare(self, layout: Layout) -> None:
        """Create the database and the table unless they exist."""
        self._run(create_database(self._database))
        self._run(create_table(layout, self._database))

    def run_query(
        self, layout: Layout, *, rules: Sequence[str], first_day: str, last_day: str, addresses: Sequence[str] = ()
    ) -> QueryResult:
        """Run the query over these days (2026-11-20, inclusive). AwsError when it fails, Interrupted after a stop."""
        text = query(layout, self._database, rules=rules, first_day=first_day, last_day=last_day, addresses=addresses)
        execution = self._run(text)
        return QueryResult(
            list(self._rows(execution["ResultConfiguration"]["OutputLocation"])),
            int(execution.get("Statistics", {}).get("DataScannedInBytes", 0)),
        )

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._caller.call(self._account_id, self._region, "athena", operation, **params)

    def _run(self, text: str) -> dict[str, Any]:
        configuration = {"ResultConfiguration": {"OutputLocation": self._output}} if self._output else {}
        started = self._call("StartQueryExecution", QueryString=text, WorkGroup=self._workgroup, **configuration)
        query_id = started["QueryExecutionId"]
        polls = 0
        while True:
            execution: dict[str, Any] = self._call("GetQueryExecution", QueryExecutionId=query_id)["QueryExecution"]
            state = execution["Status"]["State"]
            if state == "SUCCEEDED":
                return execution
            if state in ("FAILED", "CANCELLED"):
                reason = execution["Status"].get("StateChangeReason", "no reason given")
                raise AwsError(
                    f"Athena's query {query_id} {state.lower()}: {reason}", hint="Athena's query history shows its SQL."
                )
            if self._stop.wait(_WAIT_S[min(polls, len(_WAIT_S) - 1)]):
                self._call("StopQueryExecution", QueryExecutionId=query_id)
                raise Interrupted(f"Athena's query {query_id} was stopped", hint="Run the scan again.")
            polls += 1

    def _rows(self, location: str) -> Iterator[dict[str, str]]:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        response = self._caller.call(self._account_id, self._region, "s3", "GetObject", Bucket=bucket, Key=key)
        yield from csv.DictReader(io.TextIOWrapper(io.BytesIO(response["Body"].read()), "utf-8", newline=""))


def layout_of(caller: AwsCaller, account_id: str, region: str, location: Location, *, since_day: str) -> Layout:
    """Return the accounts and regions below a location `s3://bucket/…AWSLogs/`. NotFound without any."""
    prefix = location.prefix.rstrip("/")
    if not prefix.rpartition("/")[2].startswith(("AWSLogs", "o-")):
        prefix = f"{prefix}/AWSLogs".lstrip("/")
    prefix += "/"

    def folders(parent: str) -> list[str]:
        pages = caller.pages(
            account_id, region, "s3", "ListObjectsV2", Bucket=location.bucket, Prefix=parent, Delimiter="/"
        )
        return [
            folder["Prefix"].removeprefix(parent).rstrip("/")
            for page in pages
            for folder in page.get("CommonPrefixes", ())
        ]

    accounts = folders(prefix)
    organizations = [name for name in accounts if name.startswith("o-")]
    if organizations:
        prefix, accounts = f"{prefix}{organizations[0]}/", folders(f"{prefix}{organizations[0]}/")
    accounts = sorted(name for name in accounts if name.isdigit())
    regions = sorted({name for account in accounts for name in folders(f"{prefix}{account}/CloudTrail/")})
    if not regions:
        raise NotFound(
            f"s3://{location.bucket}/{prefix} contains no ACCOUNT/CloudTrail/REGION/",
            hint="Pass the folder that contains AWSLogs/.",
        )
    return Layout(
        bucket=location.bucket, prefix=prefix, accounts=tuple(accounts), regions=tuple(regions), first_day=since_day
    )

"""Athena: DuckDB runs the queries, which moto answers from a list; the rest is moto's.

States go QUEUED, RUNNING, SUCCEEDED as in AWS; results are CSV in the output location, quoted as Athena quotes.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moto.athena.models import athena_backends
from moto.s3.models import FakeDeleteMarker, s3_backends

from windlass_local.request import Request, Response

__all__ = ["PRIVATE_NAMES", "install", "native"]

PRIVATE_NAMES = (
    "moto.athena.models.athena_backends",
    "moto.s3.models.s3_backends",
    "moto.s3.models.FakeDeleteMarker",
    "moto.glue.models.glue_backends",
    "moto.glue.models.FakeTable",
    "moto.glue.models.FakeDatabase",
)

_PAGE = 1000
_Catalogs = dict[tuple[str, str], dict[tuple[str, str], Any]]


@dataclass
class _Query:
    """A query, running or ended."""

    id: str
    text: str
    database: str
    workgroup: str
    output: str
    state: str = "QUEUED"
    reason: str = ""
    submitted: float = field(default_factory=time.time)
    completed: float = 0.0
    scanned_bytes: int = 0
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()


class _State:
    """Catalogs and queries by account and region; reset with moto's Athena."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.catalogs: _Catalogs = {}
        self.queries: dict[str, _Query] = {}


_STATE = _State()


def install() -> None:
    """Do nothing: `native` answers before moto does."""


def native(request: Request) -> Response | None:
    """Answer the query operations; None leaves the others to moto."""
    response = {
        "StartQueryExecution": _start,
        "GetQueryExecution": _get,
        "GetQueryResults": _results,
        "StopQueryExecution": _stop,
    }.get(request.operation)
    return response(request) if response else None


def _start(request: Request) -> Response:
    parameters = json.loads(request.body)
    output = _output_of(request, parameters)
    if not output:
        message = "No output location provided. You did not provide an output location for your query results."
        return _error("InvalidRequestException", message)
    query = _Query(
        id=str(uuid.uuid4()),
        text=parameters["QueryString"],
        workgroup=parameters.get("WorkGroup", "primary"),
        database=parameters.get("QueryExecutionContext", {}).get("Database", "default"),
        output=output.rstrip("/"),
    )
    with _STATE.lock:
        _STATE.queries[query.id] = query
        catalog = _STATE.catalogs.setdefault((request.account_id, request.region), {})
    scope = (request.account_id, request.region)
    threading.Thread(target=_run, args=(query, catalog, scope), name="athena", daemon=True).start()
    return _json({"QueryExecutionId": query.id})


def _output_of(request: Request, parameters: dict[str, Any]) -> str:
    """Return the location of results: the query's, unless its workgroup enforces its own."""
    group = athena_backends[request.account_id][request.region].work_groups.get(parameters.get("WorkGroup", "primary"))
    configuration = getattr(group, "configuration", None) or {}
    original = str(configuration.get("ResultConfiguration", {}).get("OutputLocation", ""))
    ours = str(parameters.get("ResultConfiguration", {}).get("OutputLocation", ""))
    return original if original and (not ours or configuration.get("EnforceWorkGroupConfiguration")) else ours


def _run(query: _Query, catalog: dict[tuple[str, str], Any], scope: tuple[str, str]) -> None:
    from windlass_local.athena.glue import glue_tables
    from windlass_local.athena.queries import QueryFailed, run

    query.state = "RUNNING"
    try:
        result = run(query.text, query.database, ChainMap(catalog, glue_tables(*scope)), _files)
        query.columns, query.rows, query.scanned_bytes = result.columns, result.rows, result.scanned_bytes
        _write(query)
        state, reason = "SUCCEEDED", ""
    except QueryFailed as error:
        state, reason = "FAILED", str(error)
    except Exception as error:  # noqa: BLE001  a query's failure is its result
        state, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
    query.completed = time.time()
    if query.state != "CANCELLED":
        query.state, query.reason = state, reason


def _files(bucket: str, prefix: str) -> Iterable[tuple[str, bytes]]:
    scope = s3_backends.bucket_accounts.get(bucket)
    if scope is None:
        return
    result = s3_backends[scope[1]][scope[0]].buckets[bucket]
    with result.keys.lock:
        keys = [(name, key) for name, key in result.keys.items() if name.startswith(prefix)]
    for name, key in keys:
        if not isinstance(key, FakeDeleteMarker) and not name.endswith("/"):
            yield name, key.value


def _write(query: _Query) -> None:
    bucket, _, prefix = query.output.removeprefix("s3://").partition("/")
    scope = s3_backends.bucket_accounts.get(bucket)
    if scope is None:
        raise ValueError(f"Unable to verify/create output bucket {bucket}")
    lines = [_line(query.columns)] if query.columns else []
    body = "".join([*lines, *(_line(row) for row in query.rows)]).encode()
    kind = "csv" if query.columns else "txt"
    s3_backends[scope[1]][scope[0]].put_object(
        bucket, f"{prefix}/{query.id}.{kind}".lstrip("/"), body, disable_notification=True
    )


def _line(row: Iterable[str | None]) -> str:
    """Render a row of Athena's CSV: values in quotes, null as nothing, so that the two differ."""
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n"


def _get(request: Request) -> Response:
    query = _STATE.queries.get(json.loads(request.body).get("QueryExecutionId", ""))
    if query is None:
        return _error("InvalidRequestException", "QueryExecution was not found")
    kind = "csv" if query.columns else "txt"
    status: dict[str, Any] = {"State": query.state, "SubmissionDateTime": query.submitted}
    if query.completed:
        status["CompletionDateTime"] = query.completed
    if query.reason:
        status["StateChangeReason"] = query.reason
    result = {
        "QueryExecutionId": query.id,
        "Query": query.text,
        "StatementType": "DML" if query.columns else "DDL",
        "ResultConfiguration": {"OutputLocation": f"{query.output}/{query.id}.{kind}"},
        "QueryExecutionContext": {"Database": query.database},
        "Status": status,
        "Statistics": {
            "DataScannedInBytes": query.scanned_bytes,
            "EngineExecutionTimeInMillis": int(max(0.0, (query.completed or time.time()) - query.submitted) * 1000),
        },
        "WorkGroup": query.workgroup,
    }
    return _json({"QueryExecution": result})


def _results(request: Request) -> Response:
    parameters = json.loads(request.body)
    query = _STATE.queries.get(parameters.get("QueryExecutionId", ""))
    if query is None:
        return _error("InvalidRequestException", "QueryExecution was not found")
    if query.state != "SUCCEEDED":
        return _error("InvalidRequestException", f"Query has not yet finished. Current state: {query.state}")
    listed: list[tuple[str | None, ...]] = [query.columns, *query.rows] if query.columns else []
    at, most = int(parameters.get("NextToken") or 0), min(int(parameters.get("MaxResults") or _PAGE), _PAGE)
    page = [
        {"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in listed[at : at + most]
    ]
    kinds = [{"Name": name, "Label": name, "Type": "varchar", "Nullable": "UNKNOWN"} for name in query.columns]
    response: dict[str, Any] = {
        "ResultSet": {"Rows": page, "ResultSetMetadata": {"ColumnInfo": kinds}},
        "UpdateCount": 0,
    }
    if at + most < len(listed):
        response["NextToken"] = str(at + most)
    return _json(response)


def _stop(request: Request) -> Response:
    query = _STATE.queries.get(json.loads(request.body).get("QueryExecutionId", ""))
    if query is None:
        return _error("InvalidRequestException", "QueryExecution was not found")
    if query.state in ("QUEUED", "RUNNING"):
        query.state, query.completed = "CANCELLED", time.time()
    return _json({})


def _json(value: Any, status: int = 200) -> Response:
    headers = (("content-type", "application/x-amz-json-1.1"),)
    return Response(status=status, headers=headers, body=json.dumps(value).encode())


def _error(code: str, message: str) -> Response:
    return _json({"__type": code, "AthenaErrorCode": "INVALID_INPUT", "Message": message}, 400)

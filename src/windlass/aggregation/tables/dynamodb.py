"""Items in a DynamoDB table with the string key `id`: the conditions of transitions.py as update expressions.

An item's `id` is `rule#key`; a rule's name has no `#`. A paused rule is the item `rule#` without a key, an awaited
completion is the item `#token`. Set TTL on `expires` to have those deleted. A summary is top-level attributes, because ADD
works on no others; a claim moves each to its `held_` twin in the same write. DynamoDB's sets hold no empty text, so a folder
is stored with a slash before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from windlass.aggregation.effects import (
    AwaitCompletions,
    ClaimEvents,
    CommitCoverage,
    ConditionFailed,
    CountEvents,
    DisarmTimer,
    RecordFailure,
    RenewClaim,
    ReserveResource,
    RotateTimer,
    StoreEffect,
)
from windlass.aggregation.model import MAX_FOLDERS, MAX_SAMPLES, KeyState, Mode, Summary
from windlass.aggregation.tables.base import Completion
from windlass.core.errors import AwsError
from windlass.core.paging import LoopGuard
from windlass.events import Kind

__all__ = ["DynamoTable"]

_REFUSED = "ConditionalCheckFailedException"
_COMPLETION_S = 7 * 86_400
_KINDS = {f"kind_{kind.value}": kind.value for kind in Kind}
_PARTS = (
    "events",
    "size_bytes",
    *_KINDS,
    "folders",
    "folders_cut",
    "bucket_name",
    "first_at",
    "last_event_at",
    "samples",
)

AwsCall = Callable[..., dict[str, Any]]
"""`call(operation, **params)` of DynamoDB in the table's account and region."""


class DynamoTable:
    """One table for all rules."""

    def __init__(self, call: AwsCall, table: str) -> None:
        self._call = call
        self._table = table
        # Keys whose window has all the folders that it may name: a stale entry only cuts too early, which is safe.
        self._full: set[str] = set()

    def perform(self, effect: StoreEffect) -> Any:
        """Perform one UpdateItem. A condition that does not hold is a result, not an error."""
        match effect:
            case CountEvents():
                return self._count(effect)
            case ClaimEvents():
                claimed = self._claim(effect)
                return ConditionFailed(self.read(effect.rule, effect.key)) if claimed is None else claimed
            case RenewClaim():
                return self._renew(effect)
            case ReserveResource():
                return self._reserve(effect)
            case CommitCoverage():
                return self._commit(effect)
            case AwaitCompletions():
                return self._hold(effect)
            case RecordFailure():
                return self._note(effect)
            case DisarmTimer():
                removal = "REMOVE armed, armed_at, token_at"
                values = {":token": effect.token}
                return (
                    self._update(effect.rule, effect.key, removal, "armed = :token AND dirty = done", values)
                    is not None
                )
            case RotateTimer():
                return self._rotate(effect)

    def read(self, rule: str, key: str) -> KeyState | None:
        """Return a key's item, by a consistent read."""
        response = self._call("GetItem", TableName=self._table, Key=_id(f"{rule}#{key}"), ConsistentRead=True)
        return _item(response["Item"]) if response.get("Item") else None

    def items(self, rule: str = "") -> Iterator[KeyState]:
        """Yield all items, by a scan."""
        params: dict[str, Any] = {"TableName": self._table, "ConsistentRead": True}
        guard = LoopGuard(f"the scan of {self._table}")
        while True:
            response = self._call("Scan", **params)
            for row in response.get("Items", ()):
                name, _, key = row["id"]["S"].partition("#")
                if name and key and rule in ("", name):
                    yield _item(row)
            if not response.get("LastEvaluatedKey"):
                return
            guard.advance(response["LastEvaluatedKey"])
            params["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def complete(self, token: str) -> Completion | None:
        """Remove a completion from its item; return its attempt when it was the last one."""
        row = self._call("GetItem", TableName=self._table, Key=_id(f"#{token}"), ConsistentRead=True).get("Item")
        if row is None:
            return None
        completion = Completion(token, row["rule"]["S"], row["key"]["S"], row["attempt"]["S"])
        after = self._update(
            completion.rule,
            completion.key,
            "DELETE pending :tokens",
            "claim = :attempt AND contains(pending, :token)",
            {":tokens": {token}, ":token": token, ":attempt": completion.attempt},
        )
        return None if after is None or after.pending else completion

    def knows(self, token: str) -> bool:
        """Return whether the token was written."""
        return "Item" in self._call("GetItem", TableName=self._table, Key=_id(f"#{token}"), ConsistentRead=True)

    def set_paused(self, rule: str, key: str, *, paused: bool) -> bool:
        """Pause or resume a key or a rule."""
        condition = "attribute_exists(dirty)" if key else ""
        return self._update(rule, key, "SET paused = :paused", condition, {":paused": paused}) is not None

    def paused(self, rule: str) -> bool:
        """Whether the rule is paused."""
        row = self._call("GetItem", TableName=self._table, Key=_id(f"{rule}#"), ConsistentRead=True).get("Item", {})
        return bool(row.get("paused", {}).get("BOOL"))

    # Writes

    def _count(self, effect: CountEvents) -> KeyState:
        summary, at = effect.summary, f"{effect.rule}#{effect.key}"
        sets = [
            "armed = if_not_exists(armed, :token)",
            "armed_at = if_not_exists(armed_at, :since)",
            "token_at = if_not_exists(token_at, :now)",
            "last_at = :now",
            "bucket_name = if_not_exists(bucket_name, :bucket)",
            *(f"{name} = if_not_exists({name}, :zero)" for name in ("done", "claimed", "na")),
        ]
        adds = ["dirty :events", "events :told", "size_bytes :size"]
        values: dict[str, Any] = {
            ":token": effect.token,
            ":since": effect.since,
            ":now": effect.now,
            ":bucket": summary.bucket,
            ":zero": 0,
            ":events": effect.events,
            ":told": summary.events,
            ":size": summary.size_bytes,
        }
        for name, kind in _KINDS.items():
            if summary.kinds.get(kind):
                adds.append(f"{name} :{name}")
                values[f":{name}"] = summary.kinds[kind]
        if summary.folders_cut or at in self._full:
            sets.append("folders_cut = :true")
            values[":true"] = True
        elif summary.folders:
            adds.append("folders :folders")
            values[":folders"] = {f"/{folder}" for folder in summary.folders}
        if summary.samples:
            sets.append("samples = if_not_exists(samples, :samples)")
            values[":samples"] = set(summary.samples)
        if summary.first_at:
            sets += ["first_at = if_not_exists(first_at, :first)", "last_event_at = :last"]
            values |= {":first": summary.first_at, ":last": summary.last_at}
        after = self._update(effect.rule, effect.key, f"SET {', '.join(sets)} ADD {', '.join(adds)}", "", values)
        assert after is not None  # it has no condition
        (self._full.add if len(after.summary.folders) >= MAX_FOLDERS else self._full.discard)(at)
        return after

    def _claim(self, effect: ClaimEvents) -> KeyState | None:
        pace = effect.pace
        sets = "SET na = :na, claim = :attempt, armed_at = :now"
        condition = "armed = :token AND na <= :now AND (attribute_not_exists(paused) OR paused = :false)"
        values: dict[str, Any] = {
            ":na": effect.now + pace.window_s,
            ":attempt": effect.attempt,
            ":now": effect.now,
            ":token": effect.token,
            ":false": False,
        }
        removed = ["pending", "hold_until"]
        if effect.repeat:
            condition += " AND claimed > done AND (attribute_not_exists(hold_until) OR hold_until <= :now)"
        else:
            sets += ", claimed = dirty, " + ", ".join(f"held_{part} = if_not_exists({part}, :null)" for part in _PARTS)
            removed += _PARTS
            condition += " AND dirty > done AND claimed <= done AND "
            if pace.mode is Mode.DEBOUNCE:
                condition += "(last_at <= :quiet OR armed_at <= :waited)"
                values |= {":quiet": effect.now - pace.quiet_s, ":waited": effect.now - pace.max_wait_s}
            else:
                condition += "armed_at <= :armed"
                values[":armed"] = effect.now - pace.window_s
            values[":null"] = None
        return self._update(effect.rule, effect.key, f"{sets} REMOVE {', '.join(removed)}", condition, values)

    def _renew(self, effect: RenewClaim) -> KeyState | None:
        condition = "claim = :attempt AND claimed > done AND (attribute_not_exists(paused) OR paused = :false)"
        until = effect.now + effect.pace.window_s + effect.slack_s
        values = {":na": until, ":attempt": effect.attempt, ":false": False}
        return self._update(effect.rule, effect.key, "SET na = :na", condition, values)

    def _reserve(self, effect: ReserveResource) -> float:
        condition = "attribute_not_exists(na) OR na <= :now OR claim = :holder"
        values = {":now": effect.now, ":until": effect.until, ":holder": effect.holder}
        if self._update(effect.rule, effect.key, "SET na = :until, claim = :holder", condition, values) is not None:
            return 0.0
        current = self.read(effect.rule, effect.key)
        return max(current.na - effect.now, 0.0) if current is not None else 1.0

    def _commit(self, effect: CommitCoverage) -> KeyState | None:
        removed = ("failures", "note", "pending", "hold_until", *(f"held_{part}" for part in _PARTS))
        expression = f"SET done = :claimed, acted_at = :now REMOVE {', '.join(removed)}"
        values = {":claimed": effect.claimed, ":now": effect.now}
        return self._update(effect.rule, effect.key, expression, "done < :claimed", values)

    def _hold(self, effect: AwaitCompletions) -> bool:
        for token in effect.tokens:  # first: a completion that arrives at once must find it
            self._call(
                "PutItem",
                TableName=self._table,
                Item=_values(
                    {
                        "id": f"#{token}",
                        "rule": effect.rule,
                        "key": effect.key,
                        "attempt": effect.attempt,
                        "expires": int(effect.until) + _COMPLETION_S,
                    }
                ),
            )
        after = self._update(
            effect.rule,
            effect.key,
            "SET hold_until = :until, pending = :tokens",
            "claim = :attempt AND claimed > done",
            {":until": effect.until, ":tokens": set(effect.tokens), ":attempt": effect.attempt},
        )
        return after is not None

    def _note(self, effect: RecordFailure) -> int:
        after = self._update(
            effect.rule,
            effect.key,
            "SET note = :note ADD failures :one",
            "claim = :attempt",
            {":note": effect.reason[:500], ":one": 1, ":attempt": effect.attempt},
        )
        return after.failures if after is not None else 0

    def _rotate(self, effect: RotateTimer) -> KeyState | None:
        condition = "armed = :old" if effect.old else "attribute_exists(dirty) AND attribute_not_exists(armed)"
        values = {":new": effect.new, ":now": effect.now} | ({":old": effect.old} if effect.old else {})
        return self._update(effect.rule, effect.key, "SET armed = :new, token_at = :now", condition, values)

    def _update(
        self, rule: str, key: str, expression: str, condition: str, values: Mapping[str, Any]
    ) -> KeyState | None:
        """Return the item after the update; None when the condition did not hold."""
        params: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            params["ExpressionAttributeValues"] = _values(values)
        try:
            response = self._call(
                "UpdateItem",
                TableName=self._table,
                Key=_id(f"{rule}#{key}"),
                UpdateExpression=expression,
                ReturnValues="ALL_NEW",
                **params,
            )
        except AwsError as error:
            if error.code != _REFUSED:
                raise
            return None
        return _item(response["Attributes"])


def _id(text: str) -> dict[str, Any]:
    return {"id": {"S": text}}


def _values(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return strings, numbers, booleans, None and sets of strings in DynamoDB's typed form."""
    typed: dict[str, Any] = {}
    for name, value in plain.items():
        if value is None:
            typed[name] = {"NULL": True}
        elif isinstance(value, bool):
            typed[name] = {"BOOL": value}
        elif isinstance(value, (int, float)):
            typed[name] = {"N": f"{value:.3f}" if isinstance(value, float) else str(value)}
        elif isinstance(value, str):
            typed[name] = {"S": value}
        else:
            typed[name] = {"SS": sorted(value)}
    return typed


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, typed in row.items():
        kind, value = next(iter(typed.items()))
        if kind != "NULL":
            plain[name] = float(value) if kind == "N" else value
    return plain


def _item(row: Mapping[str, Any]) -> KeyState:
    plain = _plain(row)
    rule, _, key = str(plain["id"]).partition("#")
    counters: dict[str, Any] = {name: int(plain.get(name, 0)) for name in ("dirty", "done", "claimed", "failures")}
    moments: dict[str, Any] = {
        name: float(plain.get(name, 0.0)) for name in ("token_at", "armed_at", "last_at", "na", "acted_at")
    }
    texts: dict[str, Any] = {name: str(plain.get(name, "")) for name in ("armed", "claim", "note")}
    return KeyState(
        rule,
        key,
        pending=tuple(sorted(plain.get("pending", ()))),
        hold=float(plain.get("hold_until", 0.0)),
        paused=bool(plain.get("paused")),
        summary=_summary(plain, ""),
        held=_summary(plain, "held_"),
        **counters,
        **moments,
        **texts,
    )


def _summary(plain: Mapping[str, Any], side: str) -> Summary:
    def part(name: str, default: Any) -> Any:
        return plain.get(side + name, default)

    folders = sorted(folder[1:] for folder in part("folders", ()))
    return Summary(
        bucket=part("bucket_name", ""),
        events=int(part("events", 0)),
        kinds={kind: int(part(name, 0)) for name, kind in _KINDS.items() if part(name, 0)},
        size_bytes=int(part("size_bytes", 0)),
        folders=tuple(folders[:MAX_FOLDERS]),
        folders_cut=bool(part("folders_cut", False)) or len(folders) > MAX_FOLDERS,
        first_at=part("first_at", ""),
        last_at=part("last_event_at", ""),
        samples=tuple(sorted(part("samples", ())))[:MAX_SAMPLES],
    )

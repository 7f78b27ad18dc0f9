"""The tables of alerts, as the migration 0025 creates them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from windlass.store.metadata import Json, Message, Time, metadata

__all__ = ["alert", "alert_batch", "alert_delivery", "watch_condition"]

_Serial = BigInteger().with_variant(Integer, "sqlite")

alert = Table(
    "alert",
    metadata,
    Column("alert_id", _Serial, primary_key=True, autoincrement=True),
    Column("rule", String(80)),
    Column("key", Text),
    Column("occurred_at", Time),
    Column("recorded_at", Time),
    Column("title", Text),
    Column("facts", Json),
    Column("batch_id", BigInteger),
)
alert_batch = Table(
    "alert_batch",
    metadata,
    Column("batch_id", _Serial, primary_key=True, autoincrement=True),
    Column("rule", String(80)),
    Column("key", Text),
    Column("opened_at", Time),
    Column("due_at", Time),
    Column("sealed", Boolean),
    Column("alerts", BigInteger),
)
"""Alerts of one rule and key that are delivered together. A sealed batch takes no more."""
alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("batch_id", BigInteger, primary_key=True, autoincrement=False),
    Column("action", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(40)),
    Column("status", String(10)),
    Column("attempts", Integer),
    Column("next_at", Time),
    Column("finished_at", Time),
    Column("error", Message),
)
watch_condition = Table(
    "watch_condition",
    metadata,
    Column("rule", String(80), primary_key=True),
    Column("condition", String(64), primary_key=True),
    Column("since", Time),
)
"""The findings, unread scopes and failed jobs that a rule has alerted on, while they last; `` marks a rule as begun."""

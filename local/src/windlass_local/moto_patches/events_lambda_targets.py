"""EventBridge rules invoke Lambda functions.

Upstream: send_to_targets knows no Lambda target and stops at the first one.
AWS: every target gets the event, its Input, InputPath or InputTransformer applied.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
Offered upstream: no.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from moto.events.models import Rule
from moto.events.utils import EventTemplateParser

from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import shared_functions

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.events.models.Rule.send_to_targets",
    "moto.events.utils.EventTemplateParser.parse",
)


def apply() -> None:
    """Invoke functions asynchronously; leave the other targets to moto."""
    functions = shared_functions()
    original = Rule.send_to_targets

    @wraps(original)
    def send(rule: Any, original_event: Any, transform_input: bool = True) -> None:
        own = [target for target in rule.targets if ":lambda:" in target["Arn"]]
        if own and rule.event_pattern.matches_event(original_event):
            for target in own:
                payload = _input_of(target, original_event)
                functions.events.accept(parse_name(target["Arn"], "", ""), payload)
        others = copy.copy(rule)
        others.targets = [target for target in rule.targets if target not in own]
        if others.targets:
            original(others, original_event, transform_input)

    Rule.send_to_targets = send


def _input_of(target: Mapping[str, Any], event: Mapping[str, Any]) -> bytes:
    """Return what the target receives: the event, a part of it, a text, or a filled template."""
    if target.get("Input"):
        return str(target["Input"]).encode()
    whole = dict(event)
    ingested = whole.pop("ingestion-time", None)
    at = whole.get("time")
    if isinstance(at, (int, float)):
        whole["time"] = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if target.get("InputPath"):
        return json.dumps(_at_path(whole, target["InputPath"])).encode()
    transformer = target.get("InputTransformer")
    if transformer:
        filled = EventTemplateParser.parse(
            input_template=transformer.get("InputTemplate"),
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**whole, "ingestion-time": ingested or at},
        )
        return json.dumps(filled).encode()
    return json.dumps(whole).encode()


def _at_path(event: Any, path: str) -> Any:
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            event = event.get(part) if isinstance(event, dict) else None
    return event

"""botocore's own handlers, which correct requests and answers of single operations, found once per operation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from botocore import handlers
from botocore.hooks import EventAliaser, HierarchicalEmitter

__all__ = ["Handler", "Handlers"]

Handler = Callable[..., Any]


class Handlers(HierarchicalEmitter):  # type: ignore[misc]  # botocore has no types
    """The handlers of every event. Thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        aliaser = EventAliaser(self)  # some handlers are registered for a service's old name
        register: Mapping[Any, Callable[[str, Any], None]] = {
            None: aliaser.register,
            handlers.REGISTER_FIRST: aliaser.register_first,
            handlers.REGISTER_LAST: aliaser.register_last,
        }
        for event, handler, *order in handlers.BUILTIN_HANDLERS:
            register[order[0] if order else None](event, handler)

    def of_operation(self, event: str, model: Any) -> tuple[Handler, ...]:
        """Return the handlers of an event, in botocore's order, without those that do nothing for this operation."""
        return tuple(handler for handler in self._handlers.prefix_search(event) if not _is_idle(handler, model))


def _is_idle(handler: Handler, model: Any) -> bool:
    """Return whether a handler that is called for every service does nothing for this operation (botocore's model)."""
    if handler is handlers.generate_idempotent_uuid:
        return not model.idempotent_members
    if handler is handlers.inject_api_version_header_if_needed:
        return not model.is_endpoint_discovery_operation
    if handler is handlers.add_recursion_detection_header:
        return "AWS_LAMBDA_FUNCTION_NAME" not in os.environ
    # It adds a member where checksums are validated whenever they are supported; the estate asks for them when required.
    return getattr(handler, "__name__", "") == "_handle_request_validation_mode_member"

"""Corrections of moto: one module per upstream behaviour, each with the AWS source for the correct behaviour.

Each module has a docstring with `Upstream`, `AWS`, `Source` and `Offered upstream`, the names of moto that it relies on
(`PRIVATE_NAMES`, checked at start) and `apply()`. `docs/reference/moto-patches.md` lists them; a test compares.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType

__all__ = [
    "AT_START",
    "CLOUDFORMATION",
    "apply_all",
    "apply_cloudformation",
    "cloudformation_is_patched",
    "private_names",
]

AT_START = (
    "model_loader",
    "docker_off",
    "moto_cors",
    "werkzeug_rule_locks",
    "sqs_queue_policy_resource",
    "s3_object_memory",
    "s3_sorted_keys",
    "s3_bucket_defaults",
    "s3_object_writes",
    "s3_part_sizes",
    "s3_upload_start",
    "s3_tagging_events",
    "s3_bucket_tags",
    "s3_event_delivery",
    "s3_filter_rules",
    "s3_notification_targets",
    "s3_configuration_documents",
    "s3_policy_evaluation",
    "lambda_invocation",
    "lambda_code_check",
    "lambda_layers",
    "lambda_dead_letter_config",
    "lambda_event_invoke_config",
    "lambda_light_copies",
    "lambda_process_end",
    "lambda_policy_statements",
    "lambda_event_source_mappings",
    "lambda_mapping_listing",
    "lambda_mapping_states",
    "events_lambda_targets",
    "sns_lambda_subscriptions",
    "logs_lambda_subscriptions",
    "events_scheduled_rules",
    "dynamodb_locks",
    "dynamodb_time_to_live",
    "organizations_account_ids",
    "cloudtrail_delete_trail",
    "datasync_arns",
)
"""Applied before moto's server starts, in this order: a later patch wraps an earlier one."""

CLOUDFORMATION = (
    "cloudformation_condition_tag",
    "cloudformation_list_defaults",
    "cloudformation_resources",
    "cloudformation_failures",
    "cloudformation_stack_sets",
)
"""Applied at the first call of CloudFormation, whose part of moto takes a second to load."""

_LOCK = threading.Lock()


def private_names() -> list[str]:
    """Return moto's names that the patches at start rely on."""
    return [name for patch in _modules(AT_START) for name in patch.PRIVATE_NAMES]


@functools.cache
def apply_all() -> None:
    """Apply the patches of the start, once per process."""
    for patch in _modules(AT_START):
        patch.apply()


def apply_cloudformation() -> None:
    """Apply CloudFormation's patches, once per process. ConfigError when a name that they rely on is missing from moto."""
    with _LOCK:
        _apply_cloudformation()


def cloudformation_is_patched() -> bool:
    """Return True once `apply_cloudformation` has run."""
    return _apply_cloudformation.cache_info().currsize > 0


@functools.cache
def _apply_cloudformation() -> None:
    from windlass_local.moto_names import check_names

    patches = _modules(CLOUDFORMATION)
    check_names(name for patch in patches for name in patch.PRIVATE_NAMES)
    for patch in patches:
        patch.apply()


def _modules(names: Iterable[str]) -> list[ModuleType]:
    return [import_module(f"{__name__}.{name}") for name in names]

"""The service of deployments: stacks of pipelines and aggregators of windlass.toml, planned and applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from windlass.aggregation.config import AggregateConfig
from windlass.core.errors import ConfigError, NotFound, UsageError
from windlass.deploy import plan as planning
from windlass.deploy.aggregator_stack import aggregator_stack, completion_rule
from windlass.deploy.aws import apply, read_stack
from windlass.deploy.bundle import Platform, bundle_of, extra_of
from windlass.deploy.effects import DeploymentEffect, DeploymentPlan
from windlass.deploy.function_code import build_code
from windlass.deploy.function_config import function_config
from windlass.deploy.pipeline_stack import pipeline_stack
from windlass.deploy.plan import StackState
from windlass.deploy.stack import FunctionCode, ResourceKind, Stack, StackKind, StackLocation, StackResource
from windlass.deploy.stack_resources import BucketEvents, FunctionSettings, event_rule, notification
from windlass.estate.service import Estate
from windlass.pipelines.config import PipelineConfig
from windlass.settings import Settings

__all__ = ["Deploy"]

T = TypeVar("T", bound=PipelineConfig | AggregateConfig)


class Deploy:
    """Plans and applies stacks. AWS is called only when a method needs it."""

    def __init__(self, settings: Settings, *, config: Path | None = None, estate: Callable[[], Estate]) -> None:
        self._settings, self._config, self._estate = settings, config, estate

    def code(
        self, kind: StackKind, name: str, platform: Platform, extras: Sequence[str] = (), *, added: Sequence[Path] = ()
    ) -> FunctionCode:
        """Return the function's zip: Windlass, this entry (with the rules of the same queue), and the user's code that it names."""
        if kind is StackKind.PIPELINE:
            config = _named(self._settings.pipeline, name, "pipeline")
            place = self._place(config.account, config.region)
            settings = self._settings.model_copy(update={"pipeline": [config]})
        else:
            rules = self._rules(name)
            place = self._place(rules[0].account, rules[0].region)
            settings = self._settings.model_copy(update={"aggregate": rules})
        chosen = [extra_of(extra) for extra in extras]
        file = self._config.name if self._config else "windlass.toml"
        function = function_config(
            settings, bundle_of(kind.value), chosen, file=file, account_id=place.account_id, region=place.region
        )
        return build_code(kind, function, platform, extras, added=added)

    def stack(
        self,
        kind: StackKind,
        name: str,
        *,
        settings: FunctionSettings | None = None,
        code: FunctionCode | None = None,
        buckets: Sequence[str] = (),
    ) -> Stack:
        """Return the stack of an entry of windlass.toml. NotFound lists the entries."""
        settings = settings or FunctionSettings()
        if kind is StackKind.PIPELINE:
            if buckets:
                raise UsageError("a pipeline's bucket is its `source`", hint="Use --bucket for aggregators only.")
            config = _named(self._settings.pipeline, name, "pipeline")
            place = self._place(config.account, config.region)
            return pipeline_stack(config, place, settings, code)
        rules = self._rules(name)
        place = self._place(rules[0].account, rules[0].region)
        return aggregator_stack(name, rules, place, settings, code, buckets)

    def _rules(self, name: str) -> list[AggregateConfig]:
        """Return the rule and the others of its queue: a queue has one consumer, so they run in one function."""
        first = _named(self._settings.aggregate, name, "aggregate")
        place = self._place(first.account, first.region)
        same = [
            rule
            for rule in self._settings.aggregate
            if rule.queue == first.queue and self._place(rule.account, rule.region) == place
        ]
        return sorted(same, key=lambda rule: rule.name != name)

    def read(self, stack: Stack) -> StackState:
        """Read the stack's resources, and those of an earlier configuration: former buckets and completion rules."""
        call = self._call(stack.place)
        state = read_stack(call, stack)
        obsolete = _obsolete(state)
        if not obsolete:
            return state
        more = read_stack(call, replace(stack, resources=obsolete))
        former = tuple(
            (resource, existing)
            for resource, existing in more.resources
            if existing is not None and state.ours(resource, existing)
        )
        return StackState(stack, (*state.resources, *former))

    def plan_create(self, stack: Stack) -> DeploymentPlan:
        """Return the plan that creates or updates the stack. Changes nothing."""
        return planning.plan_create(self.read(stack))

    def plan_delete(self, stack: Stack, *, force: bool = False) -> DeploymentPlan:
        """Return the plan that deletes the stack's resources. Changes nothing."""
        return planning.plan_delete(self.read(stack), force=force)

    def apply(
        self, stack: Stack, plan: DeploymentPlan, show: Callable[[DeploymentEffect], None] = lambda _: None
    ) -> None:
        """Apply a plan."""
        apply(self._call(stack.place), plan, show=show)

    def _call(self, place: StackLocation) -> Callable[..., dict[str, Any]]:
        estate = self._estate()

        def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
            return estate.call(place.account_id, place.region, service, operation, **params)

        return call

    def _place(self, account: str, region: str) -> StackLocation:
        estate = self._estate()
        return StackLocation(account or str(estate.accounts()[0].id), region or estate.config.home_region)


def _named(entries: Sequence[T], name: str, table: str) -> T:
    matches = [entry for entry in entries if entry.name == name]
    if len(matches) > 1:
        raise ConfigError(f"two [[{table}]] entries are named {name}", hint="Give each entry a unique name.")
    if not matches:
        known = ", ".join(entry.name for entry in entries) or "none"
        raise NotFound(f"windlass.toml has no [[{table}]] entry {name!r}", hint=f"It has: {known}.")
    return matches[0]


def _obsolete(state: StackState) -> tuple[StackResource, ...]:
    """Return resources that an earlier configuration may have made and this one does not need."""
    stack = state.stack
    known = {resource.name for resource, _ in state.of(ResourceKind.NOTIFICATION)}
    queue = stack.resource("events").name
    obsolete = [
        notification(stack.place, stack.mark, queue, BucketEvents(bucket, (), (), ()))
        for bucket in _permitted_buckets(state)
        if bucket not in known
    ]
    names = {resource.name for resource in stack.resources}
    function = stack.resource("function").name
    for resource in stack.resources:
        if resource.kind is ResourceKind.NOTIFICATION:
            rule = event_rule(stack.place, function, queue, BucketEvents(resource.name, ()), wanted=False)
            if rule.name not in names:
                obsolete.append(rule)
    if stack.kind is StackKind.AGGREGATOR:
        completions = completion_rule(stack.place, stack.resource("function").name, wanted=False)
        if completions.name not in {resource.name for resource in stack.resources}:
            obsolete.append(completions)
    return tuple(obsolete)


def _permitted_buckets(state: StackState) -> list[str]:
    """Return the buckets that our statement in the queue's policy allows: current ones and those of earlier configurations."""
    for resource, existing in state.of(ResourceKind.QUEUE):
        sids = {statement["Sid"] for statement in resource.desired["statements"]}
        for statement in existing.actual["policy"].get("Statement", ()) if existing else ():
            if statement.get("Sid") in sids:
                arns = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn", ())
                listed = [arns] if isinstance(arns, str) else arns
                return [
                    arn.rpartition(":")[2] for arn in listed if ":::" in arn
                ]  # ARNs of buckets; those of rules have a region
    return []

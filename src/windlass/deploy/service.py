"""The deployment's one door: what a pipeline or aggregator of windlass.toml needs in AWS, how it stands, making and unmaking it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from windlass.aggregation.config import AggregateConfig
from windlass.core.errors import ConfigError, NotFound, UsageError
from windlass.deploy import plan as planning
from windlass.deploy.aws import carry_out, look_at
from windlass.deploy.bundle import Platform, bundle_of, extra_of
from windlass.deploy.code import built_code
from windlass.deploy.effects import Effect, Plan
from windlass.deploy.function_config import function_config
from windlass.deploy.plan import Look
from windlass.deploy.stacks import Code, Kind, Part, PartKind, Place, Stack
from windlass.deploy.stacks_aggregator import aggregator_stack, completion_rule
from windlass.deploy.stacks_parts import FunctionSettings, Source, event_rule, notification
from windlass.deploy.stacks_pipeline import pipeline_stack
from windlass.estate.service import Estate
from windlass.pipelines.config import PipelineConfig
from windlass.settings import Settings

__all__ = ["Deploy"]

T = TypeVar("T", bound=PipelineConfig | AggregateConfig)


class Deploy:
    """Stacks over the estate; AWS is reached when a method needs it."""

    def __init__(self, settings: Settings, *, config: Path | None = None, estate: Callable[[], Estate]) -> None:
        self._settings, self._config, self._estate = settings, config, estate

    def code(
        self, kind: Kind, name: str, platform: Platform, extras: Sequence[str] = (), *, added: Sequence[Path] = ()
    ) -> Code:
        """The function's zip: Windlass, this entry alone (with the rules of the same queue), and the user's code that it names."""
        if kind is Kind.PIPELINE:
            config = _named(self._settings.pipeline, name, "pipeline")
            place = self._place(config.account, config.region)
            settings = self._settings.model_copy(update={"pipeline": [config]})
        else:
            rules = self._rules(name)
            place = self._place(rules[0].account, rules[0].region)
            settings = self._settings.model_copy(update={"aggregate": rules})
        chosen = [extra_of(one) for one in extras]
        file = self._config.name if self._config else "windlass.toml"
        function = function_config(
            settings, bundle_of(kind.value), chosen, file=file, account_id=place.account_id, region=place.region
        )
        return built_code(kind, function, platform, extras, added=added)

    def stack(
        self,
        kind: Kind,
        name: str,
        *,
        settings: FunctionSettings | None = None,
        code: Code | None = None,
        buckets: Sequence[str] = (),
    ) -> Stack:
        """What the entry of that name needs. NotFound names the entries there are."""
        settings = settings or FunctionSettings()
        if kind is Kind.PIPELINE:
            if buckets:
                raise UsageError("a pipeline's bucket is its `source`", hint="--bucket is for aggregators.")
            config = _named(self._settings.pipeline, name, "pipeline")
            place = self._place(config.account, config.region)
            return pipeline_stack(config, place, settings, code)
        rules = self._rules(name)
        place = self._place(rules[0].account, rules[0].region)
        return aggregator_stack(name, rules, place, settings, code, buckets)

    def _rules(self, name: str) -> list[AggregateConfig]:
        """The rule and those of the same queue: a queue has one consumer, so they are one function."""
        first = _named(self._settings.aggregate, name, "aggregate")
        place = self._place(first.account, first.region)
        same = [
            one
            for one in self._settings.aggregate
            if one.queue == first.queue and self._place(one.account, one.region) == place
        ]
        return sorted(same, key=lambda one: one.name != name)

    def look(self, stack: Stack) -> Look:
        """The stack as it is; with what an earlier configuration asked for: buckets among its sources, the rule of a strict one."""
        call = self._call(stack.place)
        look = look_at(call, stack)
        gone = _former(look)
        if not gone:
            return look
        more = look_at(call, replace(stack, parts=gone))
        there = tuple((part, found) for part, found in more.found if found is not None and look.ours(part, found))
        return Look(stack, (*look.found, *there))

    def plan_create(self, stack: Stack) -> Plan:
        """What makes it as it should be. Nothing is changed."""
        return planning.plan_create(self.look(stack))

    def plan_delete(self, stack: Stack, *, force: bool = False) -> Plan:
        """What takes away all that was made for it. Nothing is changed."""
        return planning.plan_delete(self.look(stack), force=force)

    def carry_out(self, stack: Stack, plan: Plan, show: Callable[[Effect], None] = lambda _: None) -> None:
        """Do it."""
        carry_out(self._call(stack.place), plan, show=show)

    def _call(self, place: Place) -> Callable[..., dict[str, Any]]:
        estate = self._estate()

        def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
            return estate.call(place.account_id, place.region, service, operation, **params)

        return call

    def _place(self, account: str, region: str) -> Place:
        estate = self._estate()
        return Place(account or str(estate.accounts()[0].id), region or estate.config.home_region)


def _named(entries: Sequence[T], name: str, table: str) -> T:
    found = [one for one in entries if one.name == name]
    if len(found) > 1:
        raise ConfigError(f"two [[{table}]] entries are named {name}", hint="Give each a name of its own.")
    if not found:
        known = ", ".join(one.name for one in entries) or "none"
        raise NotFound(f"windlass.toml has no [[{table}]] entry {name!r}", hint=f"There are: {known}.")
    return found[0]


def _former(look: Look) -> tuple[Part, ...]:
    """Parts that this configuration does not ask for, and an earlier one may have made."""
    stack = look.stack
    known = {part.name for part, _ in look.of(PartKind.NOTIFICATION)}
    queue = stack.part("events").name
    gone = [
        notification(stack.place, stack.mark, queue, Source(one, (), (), ()))
        for one in _permitted_buckets(look)
        if one not in known
    ]
    names = {part.name for part in stack.parts}
    function = stack.part("function").name
    for part in stack.parts:
        if part.kind is PartKind.NOTIFICATION:
            rule = event_rule(stack.place, function, queue, Source(part.name, ()), wanted=False)
            if rule.name not in names:
                gone.append(rule)
    if stack.kind is Kind.AGGREGATOR:
        completions = completion_rule(stack.place, stack.part("function").name, wanted=False)
        if completions.name not in {part.name for part in stack.parts}:
            gone.append(completions)
    return tuple(gone)


def _permitted_buckets(look: Look) -> list[str]:
    """Buckets that our statement in the queue's policy lets send: those of now, and of an earlier configuration."""
    for part, found in look.of(PartKind.QUEUE):
        sids = {one["Sid"] for one in part.want["statements"]}
        for one in found.have["policy"].get("Statement", ()) if found else ():
            if one.get("Sid") in sids:
                arns = one.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn", ())
                listed = [arns] if isinstance(arns, str) else arns
                return [arn.rpartition(":")[2] for arn in listed if ":::" in arn]  # a bucket's; rules have a region
    return []

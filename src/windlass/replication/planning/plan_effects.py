"""Every write of a planned seed, in order. `--dry-run` prints the same list that a seed performs."""

from __future__ import annotations

from windlass.replication.config import ReplicationConfig
from windlass.replication.effects import Effect
from windlass.replication.methods.registry import METHODS
from windlass.replication.planning.facts import RoleFacts
from windlass.replication.planning.plan import PairPlan, intent_of
from windlass.replication.planning.request import SeedRequest
from windlass.replication.setup.replication import switch_effects

__all__ = ["effects_for"]


def effects_for(
    plan: PairPlan,
    request: SeedRequest,
    config: ReplicationConfig,
    *,
    seed_id: str,
    set_name: str = "",
    held: RoleFacts | None = None,
) -> tuple[Effect, ...]:
    """Return the writes of a plan; none when there is nothing to do. `held` is the source's current replication role."""
    if plan.facts is None or plan.choice is None or plan.is_done(request):
        return ()
    effects: list[Effect] = []
    if request.switches_on(plan.choice.operation):
        intent = intent_of(plan.facts, request, plan.choice, config, plan.volume)
        effects += switch_effects(plan.facts, intent, config, held)
    method = METHODS[plan.choice.method]
    effects += method.effects(plan, request, config, seed_id=seed_id, set_name=set_name)
    return tuple(effects)

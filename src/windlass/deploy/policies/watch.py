"""The policy of `[[watch]]`: the calls of the rules' actions."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.aggregation import action_statements
from windlass.deploy.policies.shared import estate, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.settings import Settings

__all__ = ["statements"]


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:  # noqa: ARG001
    """Return the permissions that deliveries need; none without rules. The rules themselves read only the store."""
    grants = [
        statement
        for rule in settings.watch
        for action in rule.actions
        for statement in action_statements(action, facts.at(rule.account, rule.region))
    ]
    return [*estate(settings, facts), *grants, *kms(facts, ("sqs", "sns"))] if grants else []

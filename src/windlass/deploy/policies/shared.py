"""Statements that several capabilities need: reading a queue, keys, logs of a function, reaching other accounts."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.core.arns import via_service
from windlass.deploy.policy import Facts, Statement, Use, role_arn
from windlass.settings import Settings

__all__ = ["consuming", "dead_letters", "estate", "find_queue", "function_logs", "kms"]


def estate(settings: Settings, facts: Facts) -> list[Statement]:
    """Which accounts and regions there are, and the roles to enter them with."""
    config = settings.estate
    found = []
    if config.regions == "enabled":
        found.append(
            Statement(
                "Regions",
                ("account:ListRegions", "ec2:DescribeRegions"),
                ("*",),
                "estate.regions asks each account for its own; either where the other is denied",
            )
        )
    roles = [role_arn(facts, one.role, one.id) for one in config.accounts if one.role]
    if config.organization:
        listing = ["organizations:ListAccounts"]
        if config.organization_units:
            listing = ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
        found.append(Statement("Organization", tuple(listing), ("*",), "the accounts come from AWS Organizations"))
        roles = [role_arn(facts, config.organization_role, "*")]
    if roles:
        found.append(
            Statement("EnterAccounts", ("sts:AssumeRole",), tuple(roles), "each account is entered by its role")
        )
    return found


def consuming(facts: Facts, queue: str, use: Use, why: str) -> list[Statement]:
    """Taking messages from a queue. A function's messages are taken by Lambda itself, with the function's role."""
    arn = facts.queue(queue)
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    if use is not Use.FUNCTION:
        actions.append("sqs:GetQueueUrl")
    return [Statement("Consume", tuple(actions), (arn,), why)]


def find_queue(facts: Facts, queue: str) -> Statement:
    """Return what a function needs to change a message's visibility: Lambda gives it the queue's ARN, the call takes a URL."""
    return Statement("FindQueue", ("sqs:GetQueueUrl",), (facts.queue(queue),), "the function finds its queue by ARN")


def dead_letters(facts: Facts, queue: str) -> tuple[str, ...]:
    """Return the dead-letter queues of a queue: those given, else those whose names begin with the queue's (`orders-dlq`)."""
    if facts.dead_letters:
        return tuple(facts.queue(one) for one in facts.dead_letters)
    return (f"{facts.queue(queue)}-*",)


def kms(facts: Facts, services: Sequence[str]) -> list[Statement]:
    """The customer's keys, through these services only."""
    if not facts.keys:
        return []
    names = [name for service in services for name in via_service(service, facts.region, in_regions="*")]
    through = {"StringLike": {"kms:ViaService": names}}
    return [
        Statement(
            "Keys", ("kms:Decrypt", "kms:GenerateDataKey"), facts.keys, "what is encrypted with these keys", through
        )
    ]


def function_logs(facts: Facts, use: Use) -> list[Statement]:
    """What every function needs to be heard of."""
    if use is not Use.FUNCTION:
        return []
    group = facts.arn("logs", f"log-group:/aws/lambda/{facts.function}:*")
    return [Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (group,), "the function's own log")]

"""Statements that several capabilities need: consuming a queue, KMS keys, a function's logs, access to other accounts."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.core.arns import via_service
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement, role_arn
from windlass.settings import Settings

__all__ = ["consuming", "dead_letters", "estate", "find_queue", "function_logs", "kms"]


def estate(settings: Settings, facts: PolicyFacts) -> list[Statement]:
    """Return the permissions to find accounts and regions, and to assume the roles in them."""
    config = settings.estate
    grants = []
    if config.regions == "enabled":
        grants.append(
            Statement(
                "Regions",
                ("account:ListRegions", "ec2:DescribeRegions"),
                ("*",),
                "list each account's regions (estate.regions); either action suffices",
            )
        )
    roles = [role_arn(facts, account.role, account.id) for account in config.accounts if account.role]
    if config.organization:
        listing = ["organizations:ListAccounts"]
        if config.organization_units:
            listing = ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]
        grants.append(Statement("Organization", tuple(listing), ("*",), "list the accounts of AWS Organizations"))
        roles = [role_arn(facts, config.organization_role, "*")]
    if roles:
        grants.append(Statement("EnterAccounts", ("sts:AssumeRole",), tuple(roles), "assume the role of each account"))
    return grants


def consuming(facts: PolicyFacts, queue: str, use: PolicyIdentity, why: str) -> list[Statement]:
    """Return the permissions to consume a queue. Lambda itself receives a function's messages, with the function's role."""
    arn = facts.queue(queue)
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    if use is not PolicyIdentity.FUNCTION:
        actions.append("sqs:GetQueueUrl")
    return [Statement("Consume", tuple(actions), (arn,), why)]


def find_queue(facts: PolicyFacts, queue: str) -> Statement:
    """Return what a function needs to change a message's visibility: Lambda gives it the queue's ARN, the call takes a URL."""
    return Statement("FindQueue", ("sqs:GetQueueUrl",), (facts.queue(queue),), "find the function's queue by its ARN")


def dead_letters(facts: PolicyFacts, queue: str) -> tuple[str, ...]:
    """Return the dead-letter queues of a queue: those in `facts`, else those whose names begin with the queue's (`orders-dlq`)."""
    if facts.dead_letters:
        return tuple(facts.queue(letter) for letter in facts.dead_letters)
    return (f"{facts.queue(queue)}-*",)


def kms(facts: PolicyFacts, services: Sequence[str]) -> list[Statement]:
    """Return the permissions to use the customer's keys, through these services only."""
    if not facts.keys:
        return []
    names = [name for service in services for name in via_service(service, facts.region, in_regions="*")]
    through = {"StringLike": {"kms:ViaService": names}}
    return [
        Statement(
            "Keys", ("kms:Decrypt", "kms:GenerateDataKey"), facts.keys, "use the keys of encrypted resources", through
        )
    ]


def function_logs(facts: PolicyFacts, use: PolicyIdentity) -> list[Statement]:
    """Return the permissions for a function's log."""
    if use is not PolicyIdentity.FUNCTION:
        return []
    group = facts.arn("logs", f"log-group:/aws/lambda/{facts.function}:*")
    return [Statement("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), (group,), "write the function's log")]

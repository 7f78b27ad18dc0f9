"""Finds a queue in SQS by its URL, ARN or name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from windlass.core.errors import UsageError
from windlass.queues.address import Queue, Reference, read_queue, read_reference

if TYPE_CHECKING:  # botocore is loaded by the code that opens the estate
    from windlass.estate.service import Estate

__all__ = ["find_queue"]


def find_queue(estate: Estate, text: str, *, account_id: str = "", region: str = "") -> Queue:
    """Return the queue of a URL, an ARN or a name. Raises NotFound, AccessDenied, or UsageError when it is not a reference.

    A URL without a region needs `region`: SQS refuses requests signed for another region, or finds another queue.
    """
    reference = read_reference(text)
    account = reference.account_id or account_id or estate.accounts()[0].id
    where = reference.region or region or _home_region(estate, reference)
    url = reference.url
    if not url:
        owner = {"QueueOwnerAWSAccountId": account} if reference.account_id else {}
        url = str(estate.call(account, where, "sqs", "GetQueueUrl", QueueName=reference.name, **owner)["QueueUrl"])
    elif reference.account_id not in {account_.id for account_ in estate.accounts()}:
        account = estate.accounts()[0].id  # a queue of an account outside the estate: called with our own identity
    attributes = estate.call(account, where, "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    queue = read_queue(reference, url, attributes.get("Attributes", {}))
    return queue if queue.account_id == account else replace(queue, account_id=account)


def _home_region(estate: Estate, reference: Reference) -> str:
    """Return the home region for a reference without a region. Raises UsageError for the URL of an unknown host."""
    endpoint = estate.config.endpoint_of("sqs")
    if reference.url and urlsplit(reference.url).hostname != (urlsplit(endpoint).hostname if endpoint else None):
        raise UsageError(
            f"the queue URL {reference.url} does not name its region",
            hint="Give the queue's ARN, or name the region: `region` of the windlass.toml entry, --region.",
        )
    return estate.config.home_region

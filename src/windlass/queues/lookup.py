"""A queue, asked of SQS: from what a person says of it to what it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from windlass.core.errors import UsageError
from windlass.queues.address import Queue, Reference, read_queue, read_reference

if TYPE_CHECKING:  # botocore is loaded by who opens the estate
    from windlass.estate.service import Estate

__all__ = ["find_queue"]


def find_queue(estate: Estate, text: str, *, account_id: str = "", region: str = "") -> Queue:
    """The queue of a URL, an ARN or a name. NotFound, AccessDenied, or UsageError when it can't be one.

    A URL that does not name its region needs `region`: signed for another region, it would be refused, or be another queue.
    """
    said = read_reference(text)
    account = said.account_id or account_id or estate.accounts()[0].id
    where = said.region or region or _home_region(estate, said)
    url = said.url
    if not url:
        owner = {"QueueOwnerAWSAccountId": account} if said.account_id else {}
        url = str(estate.call(account, where, "sqs", "GetQueueUrl", QueueName=said.name, **owner)["QueueUrl"])
    elif said.account_id not in {one.id for one in estate.accounts()}:
        account = estate.accounts()[0].id  # somebody else's queue, by its URL: asked with our own identity
    attributes = estate.call(account, where, "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
    found = read_queue(said, url, attributes.get("Attributes", {}))
    return found if found.account_id == account else replace(found, account_id=account)


def _home_region(estate: Estate, said: Reference) -> str:
    """The estate's region for a queue that names none; UsageError for a URL of a host that is not the estate's endpoint."""
    endpoint = estate.config.endpoint_of("sqs")
    if said.url and urlsplit(said.url).hostname != (urlsplit(endpoint).hostname if endpoint else None):
        raise UsageError(
            f"{said.url} does not tell its region",
            hint="Give the queue's ARN, or name the region: `region` of the windlass.toml entry, --region.",
        )
    return estate.config.home_region

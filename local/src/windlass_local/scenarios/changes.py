"""The feed's queue, to which EventBridge sends CloudTrail's events of all accounts and regions."""

from __future__ import annotations

import json
import threading
from typing import Any

from windlass_local.account_client import AccountClient
from windlass_local.sample_estate.plan import ACCOUNTS, REGIONS
from windlass_local.scenarios.scenario import REGION

__all__ = ["Changes"]

QUEUE, _DEAD_LETTERS, _RULE = "change-events", "change-events-dlq", "windlass-feed"
_PATTERN = {
    "detail-type": [
        "AWS API Call via CloudTrail",
        "Config Configuration Item Change",
        "EC2 Instance State-change Notification",
    ]
}


class Changes:
    """A queue with a dead-letter queue, and in each account and region a rule that sends its events there."""

    def prepare(self, aws: AccountClient) -> dict[str, Any]:
        """Create the queue and the rules. Those of other accounts and regions forward to the bus beside the queue."""
        aws.call(REGION, "sqs", "CreateQueue", QueueName=_DEAD_LETTERS)
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{aws.account_id}:{_DEAD_LETTERS}",
            "maxReceiveCount": 8,
        }
        aws.call(REGION, "sqs", "CreateQueue", QueueName=QUEUE, Attributes={"RedrivePolicy": json.dumps(redrive)})
        bus = f"arn:aws:events:{REGION}:{aws.account_id}:event-bus/default"
        queue = f"arn:aws:sqs:{REGION}:{aws.account_id}:{QUEUE}"
        for account_id in ACCOUNTS:
            with AccountClient(aws.url, account_id) as account:
                for region in REGIONS:
                    is_home = (account_id, region) == (aws.account_id, REGION)
                    _send_to(account, region, queue if is_home else bus)
        return {"queue": QUEUE}

    def play(self, aws: AccountClient, stop: threading.Event) -> None:
        """Do nothing: the changes of all other programs are its events."""

    def act(self, aws: AccountClient, action: str) -> None:
        """Do nothing: there are no actions."""


def _send_to(account: AccountClient, region: str, arn: str) -> None:
    account.call(region, "events", "PutRule", Name=_RULE, EventPattern=json.dumps(_PATTERN), State="ENABLED")
    account.call(region, "events", "PutTargets", Rule=_RULE, Targets=[{"Id": "feed", "Arn": arn}])

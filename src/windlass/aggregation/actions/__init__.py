"""Actions: one file each, listed here. An action runs once per key and window.

An action is a pydantic model of its options with `act(summary, context)`. It returns None when it is done, or `StartedAction`
with the tokens of its completion events (strict mode). It raises `RetryActionLater` when it cannot run now, which is
not a failure. Any other exception means that it failed: the window is then retried.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from windlass.aggregation.actions.cloudfront_invalidate import CloudFrontInvalidate
from windlass.aggregation.actions.exec_ import Exec
from windlass.aggregation.actions.http_post import HttpPost
from windlass.aggregation.actions.lambda_invoke import LambdaInvoke
from windlass.aggregation.actions.python_ import Python
from windlass.aggregation.actions.sns_publish import SnsPublish
from windlass.aggregation.actions.sqs_send import SqsSend
from windlass.aggregation.actions.storage_gateway_refresh import StorageGatewayRefresh

__all__ = ["ACTIONS", "ActionConfig"]

ACTIONS = (
    StorageGatewayRefresh,
    CloudFrontInvalidate,
    SnsPublish,
    SqsSend,
    LambdaInvoke,
    HttpPost,
    Exec,
    Python,
)

ActionConfig = Annotated[
    StorageGatewayRefresh | CloudFrontInvalidate | SnsPublish | SqsSend | LambdaInvoke | HttpPost | Exec | Python,
    Field(discriminator="kind"),
]
"""The options of one action, from a rule's configuration; `kind` selects the action."""

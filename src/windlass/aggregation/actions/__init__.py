"""The actions, one file each, listed here: what a window's events lead to.

An action is a pydantic model of its options with `act(summary, context)`. It returns None when it is done, or `StartedAction`
with the tokens of its completion events (strict mode). It raises `RetryActionLater` when it cannot run now for a reason that is
no failure, and anything else when it failed: the window is then tried again.
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
"""One action's options, as a rule's configuration has them; `kind` says which."""

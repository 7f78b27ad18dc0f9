"""A bucket notification to a destination that cannot take events is refused.

Upstream: any ARN is accepted, and the previous configuration is lost when one is refused.
AWS: S3 sends a test event to each queue and topic; if one fails, the call fails with InvalidArgument and nothing
changes.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import flask
from moto.s3 import exceptions, models, notifications

from windlass_local.s3.delivery import send_test_event

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models.FakeBucket.set_notification_configuration",
    "moto.s3.notifications.send_test_event",
)


class _UnknownDestination(exceptions.S3ClientError):
    def __init__(self) -> None:
        super().__init__("InvalidArgument", "Unable to validate the following destination configurations")


def apply() -> None:
    """Send the test events, and restore the configuration when one fails."""

    def test_events(account_id: str, bucket: Any) -> None:
        del account_id
        if flask.has_request_context() and flask.request.headers.get("x-amz-skip-destination-validation") == "true":
            return
        configuration = bucket.notification_configuration
        for arn in sorted({entry.arn for entry in (*configuration.queue, *configuration.topic)}):
            try:
                send_test_event(arn, bucket.name)
            except Exception as error:
                raise _UnknownDestination from error

    original = models.FakeBucket.set_notification_configuration

    @wraps(original)
    def configure(bucket: Any, notification_config: Any) -> None:
        previous = bucket.notification_configuration
        try:
            original(bucket, notification_config)
        except exceptions.S3ClientError:
            bucket.notification_configuration = previous
            raise

    notifications.send_test_event = test_events
    models.FakeBucket.set_notification_configuration = configure

"""Multipart uploads know when they began, which lock their object gets and with which customer key it is encrypted.

Upstream: FakeMultipart records neither its start (listings say 2010) nor the headers of Object Lock and customer keys of
CreateMultipartUpload.
AWS: ListMultipartUploads reports Initiated; the lock and the customer key of the start hold for the completed object.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import flask
from moto.s3 import models

from windlass_local.s3.customer_keys import key_md5
from windlass_local.s3.locks import HOLD, MODE, UNTIL
from windlass_local.s3.objects import now

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.s3.models.FakeMultipart",)


def apply() -> None:
    """Record both when an upload starts."""
    original = models.FakeMultipart.__init__

    @wraps(original)
    def initialise(upload: Any, *args: Any, **kwargs: Any) -> None:
        original(upload, *args, **kwargs)
        upload.initiated = now()
        argument = flask.request.headers if flask.has_request_context() else {}
        upload.customer_key_md5 = key_md5({name.lower(): value for name, value in argument.items()})
        upload.lock_headers = {name: argument[name] for name in (MODE, UNTIL, HOLD) if name in argument}

    models.FakeMultipart.__init__ = initialise

"""Responses carry no CORS headers of moto.

Upstream: every response lets pages of every origin read it.
AWS: S3 answers pages according to the bucket's CORS configuration; other services send no such headers.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
Offered upstream: no.
"""

from __future__ import annotations

from moto.moto_server import werkzeug_app

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.moto_server.werkzeug_app.DISABLE_GLOBAL_CORS",)


def apply() -> None:
    """Switch moto's CORS headers off."""
    werkzeug_app.DISABLE_GLOBAL_CORS = True

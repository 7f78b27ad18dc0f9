# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""The code of functions and layers is checked.

Upstream: any bytes are accepted as a zip, and S3ObjectVersion is ignored.
AWS: InvalidParameterValueException for bytes that are no zip or too large; the named version of the S3 object is used.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
Offered upstream: no.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.s3.models import s3_backends

from windlass_local.lambda_.code import check_zip

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.awslambda.models.LambdaFunction._set_function_code",
    "moto.awslambda.models.LayerVersion",
)


def apply() -> None:
    """Check zips, and read the version that was named."""
    original = models.LambdaFunction._set_function_code

    @wraps(original)
    def set_code(function: Any, spec: dict[str, Any]) -> None:
        if "ZipFile" in spec and not spec.get("DryRun"):
            _refuse(models._zipfile_content(spec["ZipFile"])[0])
        original(function, spec)
        if spec.get("S3ObjectVersion") and "ZipFile" not in spec:
            key = s3_backends[function.account_id][function.partition].get_object(
                spec["S3Bucket"], spec["S3Key"], version_id=spec["S3ObjectVersion"]
            )
            if key is None:
                raise InvalidParameterValueException(
                    "Error occurred while GetObject. S3 Error Code: NoSuchVersion. S3 Error Message: The specified "
                    "version does not exist."
                )
            function.code_bytes, function.code_size, function.code_sha_256, function.code_digest = models._s3_content(
                key
            )
        if "S3Bucket" in spec and "ZipFile" not in spec:
            _refuse(function.code_bytes)

    original_layer = models.LayerVersion.__init__

    @wraps(original_layer)
    def layer(version: Any, *args: Any, **kwargs: Any) -> None:
        original_layer(version, *args, **kwargs)
        _refuse(version.code_bytes)

    models.LambdaFunction._set_function_code = set_code
    models.LayerVersion.__init__ = layer


def _refuse(content: bytes) -> None:
    problem = check_zip(content)
    if problem:
        raise InvalidParameterValueException(problem)

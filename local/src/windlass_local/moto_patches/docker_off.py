"""Lambda and Batch start no containers.

Upstream: both fetch images and run containers through Docker.
AWS: no visible difference for Lambda, whose functions run in processes; jobs of AWS Batch do not run.
Source: https://docs.getmoto.org/en/latest/docs/services/lambda.html
Offered upstream: no, it is moto's own setting.
"""

from __future__ import annotations

from moto.core.config import default_user_config

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.core.config.default_user_config",)


def apply() -> None:
    """Set `use_docker` to false."""
    for service in ("lambda", "batch"):
        default_user_config[service]["use_docker"] = False

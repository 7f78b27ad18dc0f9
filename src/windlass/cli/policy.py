"""`windlass policy`, handed the configuration in force."""

from __future__ import annotations

from windlass.cli.context import loaded_settings
from windlass.deploy.policy_cli import policy_command

policy = policy_command(lambda ctx: loaded_settings(ctx).settings)

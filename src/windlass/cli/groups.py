"""Command groups that live beside their capability, handed what opens their service."""

from __future__ import annotations

from windlass.cli.context import open_app
from windlass.inventory import cli as inventory_cli
from windlass.memcached import cli as memcached_cli

inventory = inventory_cli.commands(lambda ctx: open_app(ctx).inventory, lambda ctx: open_app(ctx).jobs)
memcached = memcached_cli.commands(lambda ctx: open_app(ctx).memcached, lambda ctx: open_app(ctx).jobs)

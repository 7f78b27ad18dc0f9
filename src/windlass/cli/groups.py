"""Command groups that live beside their capability, handed what opens their service."""

from __future__ import annotations

from windlass.cli.context import open_app
from windlass.clients import cli as clients_cli
from windlass.inventory import cli as inventory_cli

inventory = inventory_cli.commands(lambda ctx: open_app(ctx).inventory, lambda ctx: open_app(ctx).jobs)
clients = clients_cli.commands(lambda ctx: open_app(ctx).clients, lambda ctx: open_app(ctx).jobs)

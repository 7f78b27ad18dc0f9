"""Command groups that live beside their capability, handed what opens their service."""

from __future__ import annotations

from windlass.aggregation import cli as aggregation_cli
from windlass.cli.context import open_app
from windlass.clients import cli as clients_cli
from windlass.deploy import cli as deploy_cli
from windlass.inventory import cli as inventory_cli
from windlass.memcached import cli as memcached_cli
from windlass.pipelines import cli as pipelines_cli
from windlass.queues import cli as queues_cli
from windlass.replication import cli as replication_cli

inventory = inventory_cli.commands(lambda ctx: open_app(ctx).inventory, lambda ctx: open_app(ctx).jobs)
queue = queues_cli.commands(lambda ctx: open_app(ctx).queues)
consume = queues_cli.consume_command(
    lambda ctx: open_app(ctx).queues, lambda ctx: open_app(ctx).store, lambda ctx: open_app(ctx).settings.consume
)
memcached = memcached_cli.commands(lambda ctx: open_app(ctx).memcached, lambda ctx: open_app(ctx).jobs)
clients = clients_cli.commands(lambda ctx: open_app(ctx).clients, lambda ctx: open_app(ctx).jobs)
aggregate = aggregation_cli.commands(lambda ctx: open_app(ctx).aggregation)
pipeline = pipelines_cli.commands(lambda ctx: open_app(ctx).pipelines, lambda ctx: open_app(ctx).jobs)
replicate = replication_cli.commands(lambda ctx: open_app(ctx).replication, lambda ctx: open_app(ctx).jobs)
deploy = deploy_cli.commands(lambda ctx: open_app(ctx).deploy)

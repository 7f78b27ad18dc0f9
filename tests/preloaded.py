"""What every forked `windlass` has imported before it begins: nothing here may start a thread or read the environment."""

import gc

import alembic.command
import alembic.runtime.environment

import windlass.aggregation.service
import windlass.aggregation.worker
import windlass.app
import windlass.cli.main
import windlass.clients.service
import windlass.deploy.capabilities
import windlass.deploy.service
import windlass.estate.service
import windlass.inventory.catalog
import windlass.inventory.service
import windlass.jobs.service
import windlass.memcached.service
import windlass.pipelines.service
import windlass.pipelines.worker
import windlass.present.options
import windlass.present.output
import windlass.queues.consumer
import windlass.replication.service
import windlass.store.database
import windlass.store.engine
import windlass.store.schema

__all__ = ["alembic", "windlass"]

gc.freeze()  # no command's garbage collection looks through them, and copies their pages

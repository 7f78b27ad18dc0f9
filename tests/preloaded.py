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
from tests.function_zips import make_quickly
from windlass.estate.model_loader import shared_loader

__all__ = ["alembic", "windlass"]

# What most commands would read again: botocore's models of the services that they call first.
for service in ("dynamodb", "elasticache", "iam", "lambda", "s3", "s3control", "sns", "sqs", "sts"):
    for type_name in ("service-2", "endpoint-rule-set-1", "paginators-1"):
        shared_loader().load_service_model(service, type_name)
shared_loader().load_data("partitions")
shared_loader().load_data("endpoints")
shared_loader().load_data("sdk-default-configuration")
shared_loader().load_data("_retry")
make_quickly()
gc.freeze()  # no command's garbage collection looks through them, and copies their pages

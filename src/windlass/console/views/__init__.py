"""The data of each page, which its template and its JSON twin receive."""

from windlass.console.views.accounts import accounts
from windlass.console.views.aggregation import aggregation
from windlass.console.views.alerts import alerts
from windlass.console.views.changes import changes
from windlass.console.views.checks import checks
from windlass.console.views.clients import clients
from windlass.console.views.dependents import dependents
from windlass.console.views.hosts import host, hosts
from windlass.console.views.inventory import export, inventory
from windlass.console.views.jobs import job, jobs
from windlass.console.views.links import Data, Params
from windlass.console.views.memcached import cluster, memcached
from windlass.console.views.osquery import live_query, osquery
from windlass.console.views.overview import overview
from windlass.console.views.patterns import patterns
from windlass.console.views.pipelines import pipelines
from windlass.console.views.queues import queue, queues
from windlass.console.views.replication import replication, seed
from windlass.console.views.resource import resource

__all__ = [
    "Data",
    "Params",
    "accounts",
    "aggregation",
    "alerts",
    "changes",
    "checks",
    "clients",
    "cluster",
    "dependents",
    "export",
    "host",
    "hosts",
    "inventory",
    "job",
    "jobs",
    "live_query",
    "memcached",
    "osquery",
    "overview",
    "patterns",
    "pipelines",
    "queue",
    "queues",
    "replication",
    "resource",
    "seed",
]

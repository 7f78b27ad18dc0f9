"""`python -m bench [NAME…]`: run all, or these."""

import importlib
import sys

SCRIPTS = (
    "help",
    "cli_help",
    "local",
    "inventory",
    "inventory_s3",
    "inventory_history",
    "inventory_graph",
    "inventory_claims",
    "facts",
    "inventory_events",
    "inventory_import",
    "redaction",
    "checks",
    "queues",
    "clients",
    "console",
    "aggregation",
    "pipelines",
    "pipelines_large",
    "manifests",
    "replication",
    "osquery_load",
    "lambda_start",
)

for name in sys.argv[1:] or SCRIPTS:
    print(f"\n== {name}", flush=True)
    importlib.import_module(f"bench.{name}").main()

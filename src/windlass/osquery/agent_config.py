"""The configuration of an osquery agent: its flag file, its schedule, and the pack for other servers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windlass.osquery.config import OsqueryConfig
from windlass.osquery.pack import PACK, PackQuery

__all__ = ["AGENT_PATH", "agent_config", "flag_file", "pack_file", "schedule"]

AGENT_PATH = "/v1/osquery"
"""The folder of the endpoints that agents call."""
MAX_LINE_BYTES = 16 << 20  # osquery drops a longer line; a host's largest list is far below
MAX_LINES = 64  # of one log request, so that it stays below osquery.max_body_mb


def agent_config(config: OsqueryConfig, epoch: int) -> dict[str, Any]:
    """Return the response to a node's configuration request. Its options replace those of the node's flag file.

    Options are texts: osquery reads numbers as 32 bits.
    """
    return {
        "options": {
            "schedule_epoch": str(epoch),
            "logger_event_type": "false",  # one line per run, so that a run is complete or missing
            "logger_tls_period": str(config.log_interval_s),
            "logger_tls_max_lines": str(MAX_LINES),
            "logger_tls_max_linesize": str(MAX_LINE_BYTES),
            "logger_tls_compress": "true",
            "distributed_interval": str(config.live_interval_s),
            "schedule_splay_percent": "10",
        },
        "decorators": {
            "load": [
                "SELECT instance_id AS windlass_instance_id, account_id AS windlass_account_id, "
                "region AS windlass_region FROM ec2_instance_metadata WHERE instance_id != '';"
            ]
        },
        "schedule": schedule(config),
        "node_invalid": False,
    }


def schedule(config: OsqueryConfig) -> dict[str, dict[str, Any]]:
    """Return the pack as osquery's schedule: each query with its interval and its platforms."""
    return {query.name: _scheduled(query, config) for query in PACK}


def _scheduled(query: PackQuery, config: OsqueryConfig) -> dict[str, Any]:
    kind = {"removed": True} if query.is_differential else {"snapshot": True}
    return {
        "query": query.scheduled_sql,
        "interval": max(60, round(config.interval_s * query.every)),
        "platform": ",".join(query.platforms),
        **kind,
    }


def pack_file(config: OsqueryConfig) -> dict[str, Any]:
    """Return the pack in the format of osquery's pack files, for agents that another server configures."""
    return {"queries": schedule(config)}


def flag_file(config: OsqueryConfig, *, server: str, secret_file: str, certificates: str) -> str:
    """Return the flag file of an agent. `server` is the host and port; osquery always speaks TLS with it."""
    flags: Mapping[str, object] = {
        "tls_hostname": server,
        **({"tls_server_certs": certificates} if certificates else {}),
        "host_identifier": "uuid",
        "enroll_secret_path": secret_file,
        "enroll_tls_endpoint": f"{AGENT_PATH}/enroll",
        "config_plugin": "tls",
        "config_tls_endpoint": f"{AGENT_PATH}/config",
        "config_refresh": config.config_interval_s,
        "logger_plugin": "tls",
        "logger_tls_endpoint": f"{AGENT_PATH}/log",
        "logger_event_type": "false",
        "logger_tls_compress": "true",
        "disable_distributed": "false",
        "distributed_plugin": "tls",
        "distributed_interval": config.live_interval_s,
        "distributed_tls_read_endpoint": f"{AGENT_PATH}/distributed/read",
        "distributed_tls_write_endpoint": f"{AGENT_PATH}/distributed/write",
    }
    return "".join(f"--{name}={value}\n" for name, value in flags.items())

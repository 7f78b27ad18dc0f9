"""The configuration file of the demo; its bucket and queue names are those of the scenarios of `windlass_local`."""

from __future__ import annotations

import json
from pathlib import Path

from windlass.cli.demo.empty_types import EMPTY_TYPES

__all__ = ["ACCOUNT", "CHANGE_QUEUE", "CONSUMED_QUEUE", "REGION", "REPLICATION_SET", "render_config"]

ACCOUNT, REGION = "111111111111", "us-east-1"
CONSUMED_QUEUE = "object-events"
CHANGE_QUEUE = "change-events"
REPLICATION_SET = "dr"
_COLLECT_INTERVAL_S = 20

_CONFIG = """\
# Written by `windlass demo`, which replaces it at each start.
[estate]
endpoint_url = "{url}"
regions = ["us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2"]
accounts = [
  {{ id = "111111111111", alias = "harbour-prod" }},
  {{ id = "222222222222", alias = "harbour-data" }},
  {{ id = "333333333333", alias = "harbour-dev" }},
]

[store]
url = "sqlite:///{folder}/windlass.db"

[inventory]
interval_s = {interval_s}
# The sample estate has no resources of these types.
exclude_types = {exclude_types}

[facts]
ssm_interval_s = 60

[feed]
queue = "{change_queue}"
account = "{account}"
region = "{region}"

[[consume]]
name = "arrivals"
queue = "{queue}"
account = "{account}"
region = "{region}"
handler = "windlass.queues.samples:log_objects"
wait_s = 2            # so that the demo stops at once; the default is 20
read_timeout_s = 12
visibility_s = 30
drain_s = 4
first_backoff_s = 2

[[aggregate]]
name = "refresh-scans"
queue = "scan-events"
account = "{account}"
region = "{region}"
window_s = 60         # a file share is refreshed once a minute at most
linger_s = 2
action = {{ kind = "storage-gateway-refresh" }}

[[watch]]
name = "exposure"     # a change of who may read a bucket
on = "change"
where = ["type=s3.bucket"]
paths = ["Policy", "Acl", "PublicAccessBlock", "OwnershipControls"]
window_s = 5
actions = [{{ kind = "exec", command = ["sh", "-c", '(cat; echo) >> "$0"', "{folder}/alerts.log"] }}]

[[pipeline]]
name = "papers"
queue = "paper-events"
account = "{account}"
region = "{region}"
source = "s3://harbour-prod-papers/incoming/"
transform = "yaml-to-json"
target = "s3://harbour-prod-uniform/{{dir}}{{stem}}.json"
on_error = "s3://harbour-prod-uniform/failed/"
concurrency = 4

[replication]
poll_s = 1
canary_poll_s = 0.5

[[replicate]]
name = "{set_name}"
source = "harbour-dr-*"
destination = "replica-of-{{name}}"
"""


def render_config(url: str, folder: Path) -> str:
    """Return the text of windlass.toml for an embedded AWS at `url` and a database in `folder`."""
    return _CONFIG.format(
        url=url,
        folder=folder.as_posix(),
        interval_s=_COLLECT_INTERVAL_S,
        exclude_types=json.dumps(EMPTY_TYPES),
        queue=CONSUMED_QUEUE,
        change_queue=CHANGE_QUEUE,
        account=ACCOUNT,
        region=REGION,
        set_name=REPLICATION_SET,
    )

"""Account Management: moto's, with ListRegions: regions that need no opt-in are enabled, the others are disabled."""

from __future__ import annotations

import json
from typing import Any

from moto.account import urls
from moto.account.responses import AccountResponse
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from windlass_local.regions import needs_opt_in, partition_of

__all__ = ["PRIVATE_NAMES", "install"]

PRIVATE_NAMES = (
    "moto.account.urls.url_paths",
    "moto.account.responses.AccountResponse.dispatch",
    "moto.ec2.models.availability_zones_and_regions.RegionsAndZonesBackend.regions",
)
_PAGE = 50


def install() -> None:
    """Add the operation and its path; a second call changes nothing."""
    urls.url_paths["{0}/listRegions$"] = AccountResponse.dispatch
    AccountResponse.list_regions = list_regions


def list_regions(self: Any) -> str:
    """Answer ListRegions, by RegionOptStatusContains, paged by MaxResults (AWS: Account Management API Reference)."""
    requested = self._get_param("RegionOptStatusContains") or []
    names = sorted(
        region.name for region in RegionsAndZonesBackend.regions if partition_of(region.name) == self.partition
    )
    rows = [
        {"RegionName": name, "RegionOptStatus": "DISABLED" if needs_opt_in(name) else "ENABLED_BY_DEFAULT"}
        for name in names
    ]
    rows = [row for row in rows if not requested or row["RegionOptStatus"] in requested]
    start, size = int(self._get_param("NextToken") or 0), int(self._get_param("MaxResults") or _PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return json.dumps({"Regions": rows[start : start + size]} | more)

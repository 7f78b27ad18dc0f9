"""An account's regions, from the best source that answers.

ec2:DescribeRegions, else account:ListRegions, else the last list that either gave, else the regions that the partition
enables for every account. Denied reads (service control policies deny them in many organizations) never stop a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from windlass.core.arns import GLOBAL_REGION, Region, partition_of
from windlass.core.errors import ConfigError, WindlassError
from windlass.core.regions import DEFAULT_REGIONS
from windlass.estate.model import RegionList, RegionSource

__all__ = ["LastRegions", "list_regions"]

LastRegions = Callable[[str], Sequence[str]]
"""account id -> the regions that AWS last listed for it; empty when never."""
Pages = Callable[..., Iterator[dict[str, Any]]]
"""(region, service, operation, **params) -> the pages of a listing in the account."""

_ENABLED = ["ENABLED", "ENABLED_BY_DEFAULT"]


def list_regions(pages: Pages, account_id: str, *, home_region: str, partition: str, last: LastRegions) -> RegionList:
    """Return the account's regions in `partition`. ConfigError when there are no credentials; no other error."""
    failures: list[str] = []
    for source, read in ((RegionSource.EC2, _of_ec2), (RegionSource.ACCOUNT, _of_account)):
        try:
            names = read(pages, home_region)
        except ConfigError:
            raise
        except WindlassError as error:
            failures.append(error.message)
            continue
        regions = tuple(Region(name) for name in sorted(names) if partition_of(name) == partition)
        if regions:
            return RegionList(regions, source, tuple(failures))
        failures.append(f"{source} named no region of {partition}")
    known = tuple(Region(name) for name in sorted(last(account_id)) if partition_of(name) == partition)
    if known:
        return RegionList(known, RegionSource.LAST_KNOWN, tuple(failures))
    defaults = tuple(Region(name) for name in DEFAULT_REGIONS.get(partition, (home_region,)))
    return RegionList(defaults, RegionSource.DEFAULTS, tuple(failures))


def _of_ec2(pages: Pages, home_region: str) -> set[str]:
    """DescribeRegions names the enabled regions only, unless AllRegions is set."""
    return {region["RegionName"] for page in pages(home_region, "ec2", "DescribeRegions") for region in page["Regions"]}


def _of_account(pages: Pages, _: str) -> set[str]:
    listing = pages(GLOBAL_REGION, "account", "ListRegions", RegionOptStatusContains=_ENABLED, MaxResults=50)
    return {region["RegionName"] for page in listing for region in page["Regions"]}

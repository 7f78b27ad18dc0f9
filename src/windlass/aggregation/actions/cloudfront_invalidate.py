"""cloudfront-invalidate: what changed in the bucket is fetched anew by the CDN.

AWS facts (CloudFront developer guide, "Concurrent invalidation request maximum" and "What you need to know when invalidating
files"): 3,000 single paths or 15 wildcards may be in progress; a wildcard stands at the end only and costs one path;
characters are encoded where RFC 1738 calls them unsafe, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, field_validator

from windlass.aggregation.actions.base import Context, RetryActionLater
from windlass.aggregation.actions.payload import token
from windlass.aggregation.model import Summary
from windlass.core.errors import WindlassError

__all__ = ["MAX_PATHS", "MAX_WILDCARDS", "CloudFrontInvalidate", "invalidation_paths"]

MAX_PATHS, MAX_WILDCARDS = 3000, 15
# Viewers send these as they are or encoded, and CloudFront takes the two for two objects: a wildcard above covers both.
_AMBIGUOUS = re.compile(r"[~!*'();:@&=+$,?]")


class CloudFrontInvalidate(BaseModel):
    """Invalidate the changed paths of a distribution: the objects when all are known, their folders else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["cloudfront-invalidate"] = Field(
        default="cloudfront-invalidate", description="Invalidates paths of a CDN."
    )
    distribution_id: str = Field(min_length=1, description="The distribution's id, such as E2QWRUHEXAMPLE.")
    paths: dict[str, str] = Field(
        default={"": "/"},
        min_length=1,
        description="Where a key prefix is found on the distribution: key prefix and path, both with a slash at the end.",
    )
    index: str = Field(
        default="index.html", description="The object that is also served for its folder's path; empty for none."
    )
    max_paths: int = Field(
        default=MAX_PATHS, ge=1, le=MAX_PATHS, description="Most paths of one invalidation; more become wildcards."
    )
    busy_s: float = Field(
        default=60.0, gt=0, description="Seconds until the next try when too many invalidations are in progress."
    )

    @field_validator("paths")
    @classmethod
    def _slashes(cls, paths: dict[str, str]) -> dict[str, str]:
        for prefix, path in paths.items():
            if prefix and (not prefix.endswith("/") or prefix.startswith("/")):
                raise ValueError(f"key prefix {prefix!r} has to end with a slash and not to begin with one")
            if not (path.startswith("/") and path.endswith("/")):
                raise ValueError(f"path {path!r} has to begin and end with a slash")
        return paths

    def act(self, summary: Summary, context: Context) -> None:
        """Ask for the invalidation; nothing when no changed key is on the distribution."""
        items = invalidation_paths(summary, self.paths, index=self.index, limit=self.max_paths)
        if not items:
            return
        batch = {"Paths": {"Quantity": len(items), "Items": list(items)}, "CallerReference": token(context.attempt)}
        try:
            context.call(
                "cloudfront", "CreateInvalidation", DistributionId=self.distribution_id, InvalidationBatch=batch
            )
        except WindlassError as error:
            if error.code == "TooManyInvalidationsInProgress":
                raise RetryActionLater(
                    self.busy_s, f"distribution {self.distribution_id} has its fill of invalidations"
                ) from None
            raise


def invalidation_paths(
    summary: Summary, mapping: Mapping[str, str], *, index: str = "", limit: int = MAX_PATHS
) -> tuple[str, ...]:
    """The paths that cover a window's changes: never fewer, at times more."""
    if summary.folders_cut or not summary.folders:
        return _fitting(limit, mapping.values())
    if 0 < summary.events <= len(summary.samples):  # each event has its own sample: all keys are known
        placed = [path for key in summary.samples if (path := _placed(key, mapping)) is not None]
        if not any(_AMBIGUOUS.search(path) for path in placed):
            exact = set(placed) | {path.removesuffix(index) for path in placed if index and path.endswith(f"/{index}")}
            if len(exact) <= limit:
                return tuple(sorted(quote(path) for path in exact))
    changed = [path for folder in summary.folders if (path := _placed(folder, mapping)) is not None]
    return _fitting(limit, changed, mapping.values()) if changed else ()


def _placed(key: str, mapping: Mapping[str, str]) -> str | None:
    """Where a key is on the distribution, by its longest mapped prefix."""
    prefix = max((one for one in mapping if key.startswith(one)), key=len, default=None)
    return None if prefix is None else mapping[prefix] + key[len(prefix) :]


def _fitting(limit: int, *choices: Iterable[str]) -> tuple[str, ...]:
    """Wildcards for the first of these sets of folders that has few enough of them; for all there is where none has."""
    for folders in choices:
        plain = {_unambiguous(folder) for folder in folders}
        outermost = [one for one in plain if not any(one != other and one.startswith(other) for other in plain)]
        if len(outermost) <= min(limit, MAX_WILDCARDS):
            return tuple(sorted(f"{quote(one)}*" for one in outermost))
    return ("/*",)


def _unambiguous(folder: str) -> str:
    found = _AMBIGUOUS.search(folder)
    return folder if found is None else folder[: folder.rindex("/", 0, found.start()) + 1]

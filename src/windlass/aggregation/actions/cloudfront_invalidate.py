"""cloudfront-invalidate: make the CDN fetch changed objects again.

AWS facts (CloudFront developer guide, "Concurrent invalidation request maximum" and "What you need to know when invalidating
files"): 3,000 single paths or 15 wildcards may be in progress; a wildcard may only be at the end and counts as one path;
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
# Viewers send these characters plain or encoded, and CloudFront caches two objects. A wildcard above covers both.
_AMBIGUOUS = re.compile(r"[~!*'();:@&=+$,?]")


class CloudFrontInvalidate(BaseModel):
    """Invalidate the changed paths of a distribution: objects when all keys are known, otherwise their folders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["cloudfront-invalidate"] = Field(
        default="cloudfront-invalidate", description="Invalidates paths of a CDN."
    )
    distribution_id: str = Field(min_length=1, description="The distribution's id, such as E2QWRUHEXAMPLE.")
    paths: dict[str, str] = Field(
        default={"": "/"},
        min_length=1,
        description="Path on the distribution of each key prefix; both end with a slash.",
    )
    index: str = Field(
        default="index.html", description="Object that CloudFront also serves for its folder's path; empty for none."
    )
    max_paths: int = Field(
        default=MAX_PATHS,
        ge=1,
        le=MAX_PATHS,
        description="Maximum paths of one invalidation; above it, wildcards replace paths.",
    )
    busy_s: float = Field(
        default=60.0, gt=0, description="Seconds until the next try when too many invalidations are in progress."
    )

    @field_validator("paths")
    @classmethod
    def _check_slashes(cls, paths: dict[str, str]) -> dict[str, str]:
        for prefix, path in paths.items():
            if prefix and (not prefix.endswith("/") or prefix.startswith("/")):
                raise ValueError(f"key prefix {prefix!r} must end with a slash and must not begin with one")
            if not (path.startswith("/") and path.endswith("/")):
                raise ValueError(f"path {path!r} must begin and end with a slash")
        return paths

    def act(self, summary: Summary, context: Context) -> None:
        """Create the invalidation. Does nothing when no changed key is on the distribution."""
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
                    self.busy_s, f"distribution {self.distribution_id} has too many invalidations in progress"
                ) from None
            raise


def invalidation_paths(
    summary: Summary, mapping: Mapping[str, str], *, index: str = "", limit: int = MAX_PATHS
) -> tuple[str, ...]:
    """Return paths that cover all changes of a window; they may cover more."""
    if summary.folders_cut or not summary.folders:
        return _wildcards(limit, mapping.values())
    if 0 < summary.events <= len(summary.samples):  # each event has its own sample: all keys are known
        placed = [path for key in summary.samples if (path := _path_on_distribution(key, mapping)) is not None]
        if not any(_AMBIGUOUS.search(path) for path in placed):
            exact = set(placed) | {path.removesuffix(index) for path in placed if index and path.endswith(f"/{index}")}
            if len(exact) <= limit:
                return tuple(sorted(quote(path) for path in exact))
    changed = [path for folder in summary.folders if (path := _path_on_distribution(folder, mapping)) is not None]
    return _wildcards(limit, changed, mapping.values()) if changed else ()


def _path_on_distribution(key: str, mapping: Mapping[str, str]) -> str | None:
    """Return a key's path on the distribution, by the longest mapped prefix; None when no prefix matches."""
    prefix = max((key_prefix for key_prefix in mapping if key.startswith(key_prefix)), key=len, default=None)
    return None if prefix is None else mapping[prefix] + key[len(prefix) :]


def _wildcards(limit: int, *choices: Iterable[str]) -> tuple[str, ...]:
    """Return the wildcards of the first choice that fits into `limit`; one wildcard for everything when none does."""
    for folders in choices:
        plain = {_unambiguous(folder) for folder in folders}
        outermost = [
            folder for folder in plain if not any(folder != parent and folder.startswith(parent) for parent in plain)
        ]
        if len(outermost) <= min(limit, MAX_WILDCARDS):
            return tuple(sorted(f"{quote(folder)}*" for folder in outermost))
    return ("/*",)


def _unambiguous(folder: str) -> str:
    ambiguous = _AMBIGUOUS.search(folder)
    return folder if ambiguous is None else folder[: folder.rindex("/", 0, ambiguous.start()) + 1]

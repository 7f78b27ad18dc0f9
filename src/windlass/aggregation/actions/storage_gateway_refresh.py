"""storage-gateway-refresh: refresh the cached listings of the file shares over a bucket, folder by folder while there are few.

AWS facts (API reference of RefreshCache): folders are named without slashes at their ends, at most 50 of them; "/" is the
share's top; the call only starts the work; too many refreshes of a share raise InvalidGatewayRequestException.
A folder that the gateway never listed appears in the listing of the folder above it, so those are refreshed too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass.aggregation.actions import pace
from windlass.aggregation.actions.base import Context, RetryActionLater, StartedAction
from windlass.aggregation.actions.shares import FileShare, forget_shares, shares_of
from windlass.aggregation.actions.spacing import MARGIN_S
from windlass.aggregation.model import Summary
from windlass.core.errors import NotFound, UsageError, WindlassError

__all__ = ["MAX_FOLDER_LIST", "StorageGatewayRefresh", "folder_list"]

MAX_FOLDER_LIST = 50
_TOO_SOON = "a refresh of the file share is in flight, or ended too recently"
_REFUSED = "InvalidGatewayRequestException"
# The service has one error code for most errors; only the message distinguishes them.
_BUSY = re.compile(r"in progress|in-progress|already being (processed|refreshed)|too many|concurrent", re.IGNORECASE)


class StorageGatewayRefresh(BaseModel):
    """Refresh the cached listings of all NFS and SMB file shares over the bucket, limited to changed folders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["storage-gateway-refresh"] = Field(
        default="storage-gateway-refresh", description="Refreshes file shares."
    )
    access_points: dict[str, str] = Field(
        default={},
        description="Access points that are the location of shares: the access point's ARN or alias, and its bucket.",
    )
    max_folders: int = Field(
        default=MAX_FOLDER_LIST,
        ge=1,
        le=MAX_FOLDER_LIST,
        description="Maximum folders that one refresh names; when more changed, the complete share is refreshed.",
    )
    parents: bool = Field(
        default=True,
        description="Also refresh the folders above changed ones: a new folder appears in the listing above it.",
    )
    spacing_s: float = Field(
        default=60.0,
        ge=60,
        description="Minimum seconds between two refreshes of a share; AWS evicts nothing below 60.",
    )
    in_flight_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds after which a refresh counts as ended without a completion event.",
    )
    remember_s: float = Field(default=300.0, ge=0, description="Seconds for which the list of file shares is cached.")

    def act(self, summary: Summary, context: Context) -> StartedAction | None:
        """Start a refresh of every share with changes. Return None when no share's prefix has a change."""
        due = self._due(summary, context)
        if not due:
            return None
        wait_s = pace.reserve(
            context.memory,
            (share.arn for share, _ in due),
            context.now,
            spacing_s=self.spacing_s,
            in_flight_s=self.in_flight_s,
        )
        if wait_s:
            raise RetryActionLater(wait_s, _TOO_SOON)
        reserved_at = self._reserve([share.arn for share, _ in due], context)
        return self._refresh_all(due, reserved_at, context)

    def _refresh_all(
        self, due: Sequence[tuple[FileShare, tuple[str, ...]]], reserved_at: float, context: Context
    ) -> StartedAction:
        """Refresh each share. One share's failure does not stop the others; it is raised after them."""
        begun, busy, failed = [], [], []
        for share, folders in due:
            try:
                self._check_prompt(share, reserved_at, context)
                begun.append(_refresh(share, folders, context))
            except RetryActionLater as later:
                busy.append(later.reason)
                continue
            except WindlassError as error:
                failed.append(error)
                if error.code == _REFUSED:
                    continue
            if context.spacing is not None:  # begun, or the response was lost and it may have begun just now
                context.spacing.used(share.arn, self.spacing_s)
        if failed:
            raise failed[0]
        if busy:
            raise RetryActionLater(self.spacing_s, busy[0])
        return StartedAction(tuple(begun))

    def _reserve(self, arns: Sequence[str], context: Context) -> float:
        """Reserve the shares across processes; return when, by the monotonic clock. RetryActionLater while one is reserved."""
        if context.spacing is None:
            return 0.0
        reserved_at = context.spacing.monotonic()
        try:
            wait_s = context.spacing.reserve(arns, self.spacing_s)
        except WindlassError:
            _release(arns, context)
            raise
        if wait_s > 0:
            _release(arns, context)
            raise RetryActionLater(wait_s, _TOO_SOON)
        return reserved_at

    def _check_prompt(self, share: FileShare, reserved_at: float, context: Context) -> None:
        """RetryActionLater when the reservation is too old: the next holder's refresh could follow too soon."""
        if context.spacing is not None and context.spacing.monotonic() - reserved_at > MARGIN_S:
            _release([share.arn], context)
            context.spacing.release(share.arn)
            raise RetryActionLater(1.0, "the process was suspended between a reservation and its refresh")

    def _due(self, summary: Summary, context: Context) -> list[tuple[FileShare, tuple[str, ...]]]:
        if not summary.bucket:
            raise UsageError(
                "storage-gateway-refresh needs one bucket, and this window spans several",
                hint="Use a rule with one bucket per key (key = bucket or prefix).",
            )
        shares = shares_of(summary.bucket, context, access_points=self.access_points, remember_s=self.remember_s)
        if not shares:
            raise NotFound(
                f"no file share of {context.account_id} in {context.region} is over bucket {summary.bucket}",
                hint=(
                    "Set the rule's account and region to the gateway's. For a share over an access point, add the access "
                    "point's ARN or alias and the bucket to access_points."
                ),
            )
        planned = (
            (share, folder_list(summary, share.prefix, limit=self.max_folders, parents=self.parents))
            for share in shares
        )
        return [(share, folders) for share, folders in planned if folders is not None]


def folder_list(
    summary: Summary, prefix: str, *, limit: int = MAX_FOLDER_LIST, parents: bool = True
) -> tuple[str, ...] | None:
    """Return the folders to refresh in a share, relative to `prefix` ("/" is its top); () for all of it, None for no change.

    Returns () when the summary does not list all folders, when there are more than `limit`, or when a folder's name has an
    empty part, which no file system shows.
    """
    if summary.folders_cut or not summary.folders:
        return ()
    inside = [folder.removeprefix(prefix) for folder in summary.folders if folder.startswith(prefix)]
    if not inside:
        return None
    folders: dict[str, None] = {}
    for folder in inside:
        parts = folder.split("/")[:-1]
        if "" in parts:
            return ()
        for depth in range(0 if parents else len(parts), len(parts) + 1):
            folders["/".join(parts[:depth]) or "/"] = None
    return tuple(sorted(folders)) if len(folders) <= limit else ()


def _release(arns: Sequence[str], context: Context) -> None:
    for arn in arns:
        pace.release(context.memory, arn)


def _refresh(share: FileShare, folders: Sequence[str], context: Context) -> str:
    scope = {"FolderList": list(folders), "Recursive": False} if folders else {"FolderList": ["/"], "Recursive": True}
    try:
        response = context.call("storagegateway", "RefreshCache", FileShareARN=share.arn, **scope)
    except WindlassError as error:
        if error.code != _REFUSED:
            raise  # after a lost response the pace is kept: the refresh may have begun
        if _BUSY.search(error.message):
            # The refresh of another process, or ours whose response was lost: it may have begun just now, so the pace is kept.
            raise RetryActionLater(0, f"file share {share.arn} is busy with a refresh") from None
        pace.release(context.memory, share.arn)
        if context.spacing is not None:
            context.spacing.release(share.arn)
        forget_shares(context)
        raise
    notification = str(response.get("NotificationId", ""))
    pace.started(context.memory, share.arn, notification)
    return notification

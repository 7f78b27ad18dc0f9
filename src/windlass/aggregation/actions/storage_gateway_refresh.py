"""storage-gateway-refresh: the shares over the bucket learn what changed, folder by folder while there are few.

AWS facts (API reference of RefreshCache): folders are named without slashes at their ends, at most 50 of them; "/" is the
share's top; the call only begins the work; a share takes part in few refreshes at once (InvalidGatewayRequestException else).
A folder that the gateway never listed shows up in the listing of the folder above it, so those are refreshed too.
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
_TOO_SOON = "a refresh of the file share is in flight, or too recent"
_REFUSED = "InvalidGatewayRequestException"
# The service has one code for most things that are off, and tells them apart in words only.
_BUSY = re.compile(r"in progress|in-progress|already being (processed|refreshed)|too many|concurrent", re.IGNORECASE)


class StorageGatewayRefresh(BaseModel):
    """Refresh the cached listings of all NFS and SMB file shares over the bucket, narrowed to what changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["storage-gateway-refresh"] = Field(
        default="storage-gateway-refresh", description="Refreshes file shares."
    )
    access_points: dict[str, str] = Field(
        default={},
        description="Access points that shares have as their location: the access point's ARN or alias, and its bucket.",
    )
    max_folders: int = Field(
        default=MAX_FOLDER_LIST,
        ge=1,
        le=MAX_FOLDER_LIST,
        description="Most folders that one refresh names; when more changed, the whole share is refreshed.",
    )
    parents: bool = Field(
        default=True,
        description="Refresh the folders above those that changed, too: a new folder shows up in the one above it.",
    )
    spacing_s: float = Field(
        default=60.0, ge=60, description="Seconds between two refreshes of a share; AWS evicts nothing when it is less."
    )
    in_flight_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds after which a refresh counts as ended when no completion event told so.",
    )
    remember_s: float = Field(default=300.0, ge=0, description="Seconds that the list of file shares is remembered.")

    def act(self, summary: Summary, context: Context) -> StartedAction | None:
        """Begin a refresh of every share that changes are in; None when they are in none of the shares' prefixes."""
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
        """Refresh each share; one share's trouble must not keep the others stale, and is raised after them."""
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
            if context.spacing is not None:  # begun, or an answer was lost and it may have begun just now
                context.spacing.used(share.arn, self.spacing_s)
        if failed:
            raise failed[0]
        if busy:
            raise RetryActionLater(self.spacing_s, busy[0])
        return StartedAction(tuple(begun))

    def _reserve(self, arns: Sequence[str], context: Context) -> float:
        """Take the shares among all processes; when that was, by the steady clock. Later while another holds one."""
        if context.spacing is None:
            return 0.0
        reserved_at = context.spacing.steady()
        try:
            wait_s = context.spacing.reserve(arns, self.spacing_s)
        except WindlassError:
            _give_back(arns, context)
            raise
        if wait_s > 0:
            _give_back(arns, context)
            raise RetryActionLater(wait_s, _TOO_SOON)
        return reserved_at

    def _check_prompt(self, share: FileShare, reserved_at: float, context: Context) -> None:
        """Later when the reservation is too old to begin under: the next holder's refresh could follow too soon."""
        if context.spacing is not None and context.spacing.steady() - reserved_at > MARGIN_S:
            _give_back([share.arn], context)
            context.spacing.release(share.arn)
            raise RetryActionLater(1.0, "the process stood still between a reservation and its refresh")

    def _due(self, summary: Summary, context: Context) -> list[tuple[FileShare, tuple[str, ...]]]:
        if not summary.bucket:
            raise UsageError(
                "storage-gateway-refresh needs to know the bucket, and this window names none",
                hint="Use a rule whose keys are of one bucket each.",
            )
        shares = shares_of(summary.bucket, context, access_points=self.access_points, remember_s=self.remember_s)
        if not shares:
            raise NotFound(
                f"no file share of {context.account_id} in {context.region} is over bucket {summary.bucket}",
                hint=(
                    "The rule's account and region are to be the gateway's. A share over an access point is found when "
                    "access_points maps its ARN or alias to the bucket."
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
    """The folders to refresh in a share below `prefix`, relative to it, "/" its top; () for all of it, None for nothing.

    It is all of it when the summary does not name all folders, when they are too many, or when one has a name that no
    file system shows (an empty part).
    """
    if summary.folders_cut or not summary.folders:
        return ()
    inside = [folder.removeprefix(prefix) for folder in summary.folders if folder.startswith(prefix)]
    if not inside:
        return None
    found: dict[str, None] = {}
    for folder in inside:
        parts = folder.split("/")[:-1]
        if "" in parts:
            return ()
        for depth in range(0 if parents else len(parts), len(parts) + 1):
            found["/".join(parts[:depth]) or "/"] = None
    return tuple(sorted(found)) if len(found) <= limit else ()


def _give_back(arns: Sequence[str], context: Context) -> None:
    for arn in arns:
        pace.give_back(context.memory, arn)


def _refresh(share: FileShare, folders: Sequence[str], context: Context) -> str:
    asked = {"FolderList": list(folders), "Recursive": False} if folders else {"FolderList": ["/"], "Recursive": True}
    try:
        answer = context.call("storagegateway", "RefreshCache", FileShareARN=share.arn, **asked)
    except WindlassError as error:
        if error.code != _REFUSED:
            raise  # a lost answer keeps the pace: the refresh may well have begun
        if _BUSY.search(error.message):
            # Somebody else's, or ours whose answer was lost: it may have begun just now, so the pace is kept as well.
            raise RetryActionLater(0, f"file share {share.arn} is busy with a refresh") from None
        pace.give_back(context.memory, share.arn)
        if context.spacing is not None:
            context.spacing.release(share.arn)
        forget_shares(context)
        raise
    notification = str(answer.get("NotificationId", ""))
    pace.started(context.memory, share.arn, notification)
    return notification

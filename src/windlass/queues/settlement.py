"""The settlement of each message after its handler: deleted, returned (nack), dead-lettered, or lost. Without I/O.

It combines leases, groups and outbox, and interprets SQS's responses to deletes and visibility changes.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from windlass.queues.groups import Groups
from windlass.queues.leases import HandledMessages, MessageLease, MessageLeases, Phase
from windlass.queues.model import (
    MAX_VISIBILITY_S,
    Cancel,
    ChangeVisibility,
    Counts,
    DeadLetter,
    Delete,
    DeletePayload,
    Done,
    Effect,
    Limits,
    Outcome,
    Rejected,
)
from windlass.queues.outbox import CallKind, Outbox
from windlass.queues.payloads import deletable_payload
from windlass.wire.sqs import BATCH, Failed, Message

__all__ = ["Settlement"]

_GONE = ("ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValue", "InvalidIdFormat")


class Settlement:
    """The settlement of one consumer's messages. Effects are appended to `effects`, in order."""

    def __init__(self, limits: Limits, counts: Counts, rng: random.Random, effects: list[Effect]) -> None:
        self._limits, self._counts, self._rng, self._effects = limits, counts, rng, effects
        self.leases = MessageLeases(limits)
        self.groups = Groups()
        self.outbox = Outbox(limits, rng)
        self.handled = HandledMessages()

    # Outcomes

    def conclude(self, lease: MessageLease, outcome: Outcome, now: float, *, cancelled: bool) -> None:
        """Settle a message by its handler's outcome. A failure that our own cancellation caused returns it at once."""
        if isinstance(outcome, Done):
            self._counts.done += 1
            self.delete(lease, now)
        elif isinstance(outcome, Rejected):
            self.leases.enter(lease, Phase.DEAD_LETTERING)
            self._effects.append(DeadLetter(lease.number, lease.message, outcome.reason))
        elif cancelled:
            self.nack(lease, 0, now)
        else:
            self._counts.failed += 1
            self.nack(lease, self._backoff_s(lease) if outcome.after_s is None else outcome.after_s, now)

    def dead_lettered(self, number: int, now: float, *, ok: bool) -> None:
        """Record that a rejected message was sent to the dead-letter queue, or could not be sent."""
        lease = self.leases.get(number)
        if lease is None or lease.phase is not Phase.DEAD_LETTERING:
            return
        if ok:
            self._counts.rejected += 1
            lease.dead_lettered = True
            self.delete(lease, now)
        else:
            self.nack(lease, self._backoff_s(lease), now)

    def time_out(self, lease: MessageLease, now: float) -> None:
        """Cancel a handler that runs longer than `max_handling_s`; its message returns after the back-off."""
        self._counts.timed_out += 1
        self._effects.append(Cancel(lease.number, f"it runs longer than {self._limits.max_handling_s:g} s"))
        self.nack(lease, self._backoff_s(lease), now)

    def delete(self, lease: MessageLease, now: float) -> None:
        """Delete a message that was handled; the next one of its group may start."""
        if lease.group:
            self.groups.complete(lease.number, lease.group)
        self.leases.enter(lease, Phase.DELETING)
        self.handled.add(lease.message.message_id, dead_lettered=lease.dead_lettered)
        self.outbox.add_delete(lease.number, now)

    def nack(self, lease: MessageLease, after_s: int, now: float) -> None:
        """Return a message to the queue, visible after `after_s`, and the messages of its group that wait behind it."""
        if lease.phase is Phase.NACKING:
            return  # it was returned with its group
        self.leases.enter(lease, Phase.NACKING)
        lease.nack_after_s = after_s
        if lease.group:
            self._withdraw_group(lease, now)
        if (
            not lease.pending_changes
        ):  # else when the pending extension is answered: the extension must not arrive after the nack
            self.outbox.add_nack(lease.number, now)

    def lose(self, lease: MessageLease, now: float, *, cancel: str = "") -> None:
        """End a lease whose message another consumer may hold. `cancel` is the reason to cancel its handler, if that runs."""
        self._counts.lost_leases += 1
        if lease.phase is Phase.RUNNING and cancel:
            self._effects.append(Cancel(lease.number, cancel))
        self.leases.remove(lease)
        if lease.group:
            self._withdraw_group(lease, now)

    def _withdraw_group(self, lease: MessageLease, now: float) -> None:
        """Return the waiting messages of a group whose head is returned or lost, so that they are delivered in order
        again.
        """
        others = [self.leases.get(number) for number in self.groups.withdraw(lease.number, lease.group)]
        followers = [follower for follower in others if follower is not None]
        self.groups.restore(
            lease.group, [follower.number for follower in followers if follower.phase is not Phase.WAITING]
        )
        for follower in followers:
            if follower.phase is Phase.WAITING:
                self.nack(follower, 0, now)

    def _backoff_s(self, lease: MessageLease) -> int:
        count = lease.message.receive_count
        if self._limits.max_receive_count and count >= self._limits.max_receive_count:
            return 0  # the next receive moves it to the dead-letter queue, which should happen soon
        longest_s = min(self._limits.max_backoff_s, self._limits.first_backoff_s * 2.0 ** min(count - 1, 30))
        return min(MAX_VISIBILITY_S, round(longest_s * (0.5 + self._rng.random() / 2)))

    # Responses

    def deleted(self, call: int, failed: Iterable[Failed], now: float) -> None:
        """Record the response of a batch of deletes; `failed` are the entries that SQS did not delete."""
        failures = {failure.index: failure for failure in failed}
        for index, (number, receipt) in enumerate(self.outbox.close(call).entries):
            lease = self.leases.get(number)
            if lease is None:
                continue
            failure = failures.get(index)
            if lease.receipt != receipt:
                self.delete(lease, now)  # received again meanwhile: only the newest receipt is sure to delete
            elif failure is None:
                self._confirm_delete(lease)
            elif failure.is_sender_fault or failure.code in _GONE:
                self.lose(lease, now)
            else:
                self._retry_later(lease, now)

    def changed(self, call: int, failed: Iterable[Failed], now: float) -> None:
        """Record the response of a batch of visibility changes; `failed` are the entries that SQS did not change."""
        change = self.outbox.close(call)
        failures = {failure.index: failure for failure in failed}
        for index, (number, receipt) in enumerate(change.entries):
            lease = self.leases.get(number)
            if lease is None:
                continue
            lease.pending_changes -= 1
            failure = failures.get(index)
            if change.kind is CallKind.EXTEND:
                self._confirm_extension(lease, receipt, failure, change.sent_at, now)
            elif lease.receipt != receipt:
                self.outbox.add_nack(number, now)
            elif failure is None or failure.is_sender_fault or failure.code in _GONE:
                self._counts.nacked += failure is None
                self.leases.remove(lease)
            else:
                self._retry_later(lease, now)

    def call_failed(self, call: int, now: float) -> None:
        """Record that a batch of deletes or visibility changes had no response, or an error for all of it."""
        lost = self.outbox.close(call)
        for number, _ in lost.entries:
            lease = self.leases.get(number)
            if lease is None:
                continue
            lease.pending_changes -= lost.kind is not CallKind.DELETE
            if lost.kind is CallKind.EXTEND and lease.phase is not Phase.NACKING:
                self.leases.extension_failed(lease, now)
            elif not lease.pending_changes:  # else the pending response decides
                self._retry_later(lease, now)

    def payload_deleted(self, number: int, *, ok: bool) -> None:
        """Record that a payload was deleted, or remains because its delete failed. Its message is not affected."""
        self.outbox.close_payload_delete(number)
        if ok:
            self._counts.deleted_payloads += 1
        else:
            self._counts.failed_payload_deletes += 1

    def _confirm_delete(self, lease: MessageLease) -> None:
        self._counts.deleted += 1
        self.leases.remove(lease)
        if lease.dead_lettered:
            return  # keep its id: a late duplicate must not be handled in addition to its copy
        self.handled.discard(lease.message.message_id)
        if self._limits.payload_bucket:
            self._delete_payload(lease.message)

    def _delete_payload(self, message: Message) -> None:
        pointer = deletable_payload(message, self._limits.payload_bucket)
        if pointer is None:
            return
        number = self.outbox.open_payload_delete()
        if number is None:
            self._counts.failed_payload_deletes += 1
        else:
            self._effects.append(DeletePayload(number, message.message_id, pointer.bucket, pointer.key))

    def _confirm_extension(
        self, lease: MessageLease, receipt: str, failure: Failed | None, sent_at: float, now: float
    ) -> None:
        if lease.phase is Phase.NACKING:
            if not lease.pending_changes:
                self.outbox.add_nack(lease.number, now)  # the nack waited for this response
        elif lease.receipt != receipt:
            pass  # received again meanwhile: the newer receipt has its own timeout
        elif failure is None:
            self._counts.extended += 1
            self.leases.extended(lease, sent_at)
        elif failure.is_sender_fault or failure.code in _GONE:
            self.lose(lease, now, cancel=f"its lease is lost ({failure.code})")
        else:
            self.leases.extension_failed(lease, now)

    def _retry_later(self, lease: MessageLease, now: float) -> None:
        """Schedule the retry of a failed delete or nack while the receipt is valid; otherwise give the lease up."""
        self._counts.retried_calls += 1
        lease.attempts += 1
        if self.outbox.retry(lease.number, lease.attempts, lease.expires_at, now):
            return
        if lease.phase is Phase.DELETING:
            self.lose(lease, now)
        else:
            self.leases.remove(lease)

    # Sending

    def flush(self, now: float, *, partial: bool) -> None:
        """Send the batches that are due; `partial` also sends partial batches."""
        outbox = self.outbox
        while outbox.deletes and (batch := outbox.next_deletes(now, partial=partial)):
            self._send_deletes(batch, now)
        while outbox.nacks and (batch := outbox.next_nacks(now, partial=partial)):
            self._send_nacks(batch, now)

    def retry(self, now: float) -> None:
        """Send the deletes and nacks whose next attempt is due, each in a call of its own."""
        for number in self.outbox.due_retries(now):
            lease = self.leases.get(number)
            if lease is None:
                continue
            if lease.phase is Phase.DELETING:
                self._send_deletes([number], now)
            elif lease.phase is Phase.NACKING and not lease.pending_changes:
                self._send_nacks([number], now)

    def extend(self, leases: Sequence[MessageLease], now: float) -> None:
        """Send visibility extensions, ten in a call."""
        for start in range(0, len(leases), BATCH):
            batch = leases[start : start + BATCH]
            self._send_changes([(lease, self.leases.extension_s(lease, now)) for lease in batch], CallKind.EXTEND, now)

    def _send_deletes(self, numbers: Sequence[int], now: float) -> None:
        entries = []
        for number in numbers:
            lease = self.leases.get(number)
            if lease is None:
                continue
            if now >= lease.expires_at:
                self.lose(lease, now)
            else:
                entries.append((number, lease.receipt))
        if entries:
            call = self.outbox.open(CallKind.DELETE, entries, now)
            self._effects.append(Delete(call, tuple(entries)))

    def _send_nacks(self, numbers: Sequence[int], now: float) -> None:
        leases = [lease for number in numbers if (lease := self.leases.get(number)) is not None]
        if leases:
            self._send_changes([(lease, lease.nack_after_s) for lease in leases], CallKind.NACK, now)

    def _send_changes(self, changes: Sequence[tuple[MessageLease, int]], kind: CallKind, now: float) -> None:
        for lease, _ in changes:
            lease.pending_changes += 1
        call = self.outbox.open(kind, [(lease.number, lease.receipt) for lease, _ in changes], now)
        entries = tuple((lease.number, lease.receipt, seconds) for lease, seconds in changes)
        self._effects.append(ChangeVisibility(call, entries))

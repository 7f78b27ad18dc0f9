"""The service of queues: find, inspect, send, drain, redrive, and open them for a consumer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from windlass.core import clock
from windlass.core.errors import AwsError, ConfigError, NotFound, PartialFailure, UsageError
from windlass.core.ids import new_id
from windlass.estate.service import Estate
from windlass.queues import store as rows
from windlass.queues.address import Queue
from windlass.queues.batches import MAX_BODY_BYTES, batches
from windlass.queues.envelopes import MAX_UNPACKED_BYTES
from windlass.queues.lookup import find_queue
from windlass.queues.model import Limits
from windlass.queues.payloads import SIZE_ATTRIBUTES, Pointer, write_pointer
from windlass.queues.report import ConsumerRow, DeadLetterQueue, Depth, Failure, Move, Peeked, Sample
from windlass.queues.transports import REASON, BotoTransport, LeanTransport, Transport
from windlass.store.engine import Store
from windlass.wire.sqs import BATCH

__all__ = ["Move", "Queues"]

_UNSUPPORTED = ("UnsupportedOperation", "InvalidAction", "NotImplemented", "UnknownOperationException")


class Queues:
    """The queues of the estate. AWS is called on use; the store is opened only for consumers and failures.

    `registry` returns the Prometheus registry for consumers that have none.
    """

    def __init__(
        self,
        estate: Callable[[], Estate],
        store: Callable[[], Store],
        *,
        registry: Callable[[], CollectorRegistry] = CollectorRegistry,
    ) -> None:
        self._estate = estate
        self._store = store
        self.registry = registry

    # Finding

    def open(self, text: str, *, account_id: str = "", region: str = "") -> Queue:
        """Return the queue of a URL, an ARN or a name. Raises NotFound, AccessDenied, or UsageError when it is not a reference."""
        return find_queue(self._estate(), text, account_id=account_id, region=region)

    def dead_letters_of(self, queue: Queue) -> Queue:
        """Return the dead-letter queue of a queue. Raises NotFound when it has none."""
        if not queue.dead_letter_arn:
            raise NotFound(f"{queue.name} has no dead-letter queue", hint="Give it a redrive policy (RedrivePolicy).")
        return self.open(queue.dead_letter_arn)

    # Parts of a consumer

    def transport(self, queue: Queue, limits: Limits, *, lean: bool = True) -> Transport:
        """Return a transport to the queue. Call it within the running event loop."""
        dead_letter_url = self.dead_letters_of(queue).url if queue.dead_letter_arn else ""
        connections = (
            limits.max_pollers * 3 + 4
        )  # a receive, a delete and a visibility change per poller never wait for each other
        estate = self._estate()
        if lean:
            access = estate.access(queue.account_id, queue.region, "sqs")
            return LeanTransport(
                access,
                queue.url,
                visibility_s=limits.visibility_s,
                connections=connections,
                dead_letter_url=dead_letter_url,
            )
        direct = estate.direct(
            queue.account_id, queue.region, "sqs", read_timeout_s=limits.read_timeout_s, connections=connections
        )
        return BotoTransport(
            direct.call,
            queue.url,
            visibility_s=limits.visibility_s,
            threads=limits.max_pollers,
            dead_letter_url=dead_letter_url,
        )

    def caller(self, account_id: str, region: str, service: str) -> Callable[..., dict[str, Any]]:
        """Return `call(operation, **params)` for a service in an account and region."""
        estate = self._estate()

        def call(operation: str, /, **params: Any) -> dict[str, Any]:
            return estate.call(account_id, region, service, operation, **params)

        return call

    def fetcher(self, queue: Queue) -> Callable[[Pointer], str]:
        """Return a function that reads a large payload from S3. It blocks."""
        call = self.caller(queue.account_id, queue.region, "s3")

        def fetch(pointer: Pointer) -> str:
            with call("GetObject", Bucket=pointer.bucket, Key=pointer.key)["Body"] as body:
                data: bytes = body.read(MAX_UNPACKED_BYTES)
            return data.decode("utf-8", "surrogateescape")

        return fetch

    def payload_deleter(self, queue: Queue) -> Callable[[Pointer], None]:
        """Return a function that deletes a large payload from S3. It blocks, and raises a WindlassError when S3
        refuses.
        """
        call = self.caller(queue.account_id, queue.region, "s3")

        def delete(pointer: Pointer) -> None:
            call("DeleteObject", Bucket=pointer.bucket, Key=pointer.key)

        return delete

    # Reads

    def depth(self, queue: Queue, *, oldest: bool = False) -> Depth:
        """Return how many messages a queue holds; `oldest` also asks CloudWatch for the age of the oldest message."""
        names = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        )
        response = self._call(queue, "GetQueueAttributes", AttributeNames=list(names))["Attributes"]
        visible, in_flight, delayed = (int(response.get(name, 0)) for name in names)
        return Depth(visible, in_flight, delayed, self._oldest_s(queue) if oldest else None)

    def list(self, *, account_id: str = "", region: str = "", prefix: str = "") -> tuple[Queue, ...]:
        """Return the queues of an account and region."""
        estate = self._estate()
        account = account_id or estate.accounts()[0].id
        where = region or estate.config.home_region
        parameters = {"QueueNamePrefix": prefix} if prefix else {}
        queues = []
        for page in estate.pages(account, where, "sqs", "ListQueues", **parameters):
            for url in page.get("QueueUrls", ()):
                try:
                    queues.append(self.open(url, account_id=account, region=where))
                except NotFound:
                    continue  # deleted since it was listed
        return tuple(queues)

    def peek(self, queue: Queue, *, count: int = 10) -> tuple[Peeked, ...]:
        """Return up to `count` messages and leave them in the queue. SQS counts a receive: each peek brings them closer to the DLQ."""
        messages: dict[str, Peeked] = {}
        for _ in range(-(-count // BATCH) * 3):
            if len(messages) >= count:
                break
            response = self._call(
                queue,
                "ReceiveMessage",
                MaxNumberOfMessages=min(BATCH, count),
                VisibilityTimeout=0 if not queue.fifo else 1,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            for message in response.get("Messages", ()):
                messages.setdefault(message["MessageId"], _peeked(message))
        return tuple(messages.values())[:count]

    def dead_letter_queues(self, *, account_id: str = "", region: str = "") -> tuple[DeadLetterQueue, ...]:
        """Return every queue with a redrive policy, and how many messages wait in its dead-letter queue."""
        pairs = []
        for queue in self.list(account_id=account_id, region=region):
            if not queue.dead_letter_arn:
                continue
            try:
                waiting = self.depth(self.open(queue.dead_letter_arn)).visible
            except NotFound:
                waiting = -1  # the policy names a queue that does not exist: SQS drops messages past their count
            pairs.append(
                DeadLetterQueue(
                    queue.name,
                    queue.arn,
                    queue.dead_letter_name,
                    queue.dead_letter_arn,
                    queue.max_receive_count,
                    waiting,
                )
            )
        return tuple(pairs)

    # Writes

    def send(
        self, queue: Queue, bodies: Iterable[str], *, delay_s: int = 0, group: str = "", large_bucket: str = ""
    ) -> int:
        """Send each body and return how many were sent. Bodies that SQS does not accept are stored in `large_bucket`.

        Raises PartialFailure when SQS refused some.
        """
        if queue.fifo and not group:
            raise UsageError(f"{queue.name} is a FIFO queue", hint="Give the messages a group: --group NAME.")
        sent, refused = 0, []
        for batch in batches(self._entry(queue, body, delay_s, group, large_bucket) for body in bodies):
            rows_ = [entry | {"Id": str(at)} for at, entry in enumerate(batch)]
            response = self._call(queue, "SendMessageBatch", Entries=rows_)
            refused += [f"{failure['Code']}: {failure.get('Message', '')}" for failure in response.get("Failed", ())]
            sent += len(response.get("Successful", ()))
        if refused:
            raise PartialFailure(f"{len(refused)} of {sent + len(refused)} messages were not sent: {refused[0]}")
        return sent

    def drain(self, queue: Queue, keep: Callable[[Sequence[dict[str, Any]]], None], *, most: int = 0) -> Iterator[int]:
        """Remove messages: pass each batch to `keep`, then delete it. Yield the count so far; end when the queue is empty."""
        taken, empty = 0, 0
        while empty < 2 and (not most or taken < most):
            response = self._call(
                queue,
                "ReceiveMessage",
                MaxNumberOfMessages=min(BATCH, most - taken) if most else BATCH,
                WaitTimeSeconds=1,
                VisibilityTimeout=120,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = response.get("Messages", [])
            empty = 0 if messages else empty + 1
            if not messages:
                continue
            keep([_kept(message) for message in messages])
            entries = [
                {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(messages)
            ]
            failed = self._call(queue, "DeleteMessageBatch", Entries=entries).get("Failed", ())
            if failed:
                raise PartialFailure(
                    f"{len(failed)} messages were kept but not deleted: {failed[0].get('Message', '')}",
                    hint="They will be delivered again: run the command again, and use message_id to find duplicates.",
                )
            taken += len(messages)
            yield taken

    def purge(self, queue: Queue) -> None:
        """Delete every message. SQS allows this once per minute."""
        self._call(queue, "PurgeQueue")

    def redrive(
        self, dead: Queue, *, to: Queue | None = None, rate_per_s: int = 0, poll_s: float = 1.0
    ) -> Iterator[Move]:
        """Move the messages of a dead-letter queue back to their source (or to `to`): by SQS, or by this process if SQS
        cannot.
        """
        parameters: dict[str, Any] = {"SourceArn": dead.arn}
        if to is not None:
            parameters["DestinationArn"] = to.arn
        if rate_per_s:
            parameters["MaxNumberOfMessagesPerSecond"] = rate_per_s
        estate = self._estate()
        try:
            estate.call(dead.account_id, dead.region, "sqs", "StartMessageMoveTask", **parameters)
        except AwsError as error:
            if error.code not in _UNSUPPORTED:
                raise
            yield from self._redrive_here(dead, to, rate_per_s)
            return
        while True:
            response = estate.call(
                dead.account_id, dead.region, "sqs", "ListMessageMoveTasks", SourceArn=dead.arn, MaxResults=1
            )
            task = response["Results"][0]
            moved, total = (
                int(task.get("ApproximateNumberOfMessagesMoved", 0)),
                int(task.get("ApproximateNumberOfMessagesToMove", 0)),
            )
            yield Move(moved, total, task["Status"])
            if task["Status"] == "FAILED":
                raise AwsError(
                    f"the redrive of {dead.name} failed: {task.get('FailureReason', 'no reason given')}",
                    code="MoveFailed",
                )
            if task["Status"] in ("COMPLETED", "CANCELLED"):
                return
            time.sleep(poll_s)

    # Consumers and failures

    def consumers(self, queue_arn: str = "", *, within_s: float = 3600.0) -> tuple[ConsumerRow, ...]:
        """Return the consumers seen within the last `within_s` seconds, in any process."""
        with self._store().read() as connection:
            return tuple(
                rows.list_consumers(connection, since=clock.now() - timedelta(seconds=within_s), queue_arn=queue_arn)
            )

    def samples(self, consumer_ids: Sequence[str], *, within_s: float = 3600.0) -> tuple[Sample, ...]:
        """Return the counters of these consumers over time."""
        with self._store().read() as connection:
            since = clock.now() - timedelta(seconds=within_s)
            return tuple(rows.list_samples(connection, consumer_ids, since=since))

    def failures(self, queue_arn: str = "", *, limit: int = 100) -> tuple[Failure, ...]:
        """Return the latest messages whose handler failed."""
        with self._store().read() as connection:
            return tuple(rows.list_failures(connection, queue_arn=queue_arn, limit=limit))

    def _call(self, queue: Queue, operation: str, /, **params: Any) -> dict[str, Any]:
        return self._estate().call(queue.account_id, queue.region, "sqs", operation, QueueUrl=queue.url, **params)

    def _entry(self, queue: Queue, body: str, delay_s: int, group: str, large_bucket: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"MessageBody": body}
        size = len(body.encode("utf-8", "surrogatepass"))
        if size > MAX_BODY_BYTES:
            if not large_bucket:
                raise ConfigError(
                    f"a message of {size:,} bytes is larger than SQS accepts ({MAX_BODY_BYTES:,})",
                    hint='Name a bucket for large payloads: --large-bucket BUCKET; consumers read them with unwrap = ["s3"].',
                )
            pointer = Pointer(large_bucket, new_id("payload"))
            call = self.caller(queue.account_id, queue.region, "s3")
            call("PutObject", Bucket=pointer.bucket, Key=pointer.key, Body=body.encode())
            number = {"DataType": "Number", "StringValue": str(size)}
            entry |= {"MessageBody": write_pointer(pointer), "MessageAttributes": {SIZE_ATTRIBUTES[0]: number}}
        if delay_s:
            entry["DelaySeconds"] = delay_s
        if group:
            entry |= {"MessageGroupId": group, "MessageDeduplicationId": new_id("send")}
        return entry

    def _redrive_here(self, dead: Queue, to: Queue | None, rate_per_s: int) -> Iterator[Move]:
        """Receive, send and delete each message, for services without move tasks. A crash in between leaves a message
        in both queues.
        """
        if to is None:
            raise UsageError(
                f"this service has no message move tasks, and {dead.name} does not name the source of its messages",
                hint="Give --to QUEUE.",
            )
        total, started = self.depth(dead).visible, time.monotonic()

        def send(messages: Sequence[dict[str, Any]]) -> None:
            self.send(to, [message["body"] for message in messages], group="redrive" if to.fifo else "")

        for moved in self.drain(dead, send):
            yield Move(moved, max(total, moved), "RUNNING")
            if rate_per_s and (ahead_s := moved / rate_per_s - (time.monotonic() - started)) > 0:
                time.sleep(ahead_s)
        yield Move(total, total, "COMPLETED")

    def _oldest_s(self, queue: Queue) -> float | None:
        end = datetime.now(UTC)
        try:
            response = self._estate().call(
                queue.account_id,
                queue.region,
                "cloudwatch",
                "GetMetricStatistics",
                Namespace="AWS/SQS",
                MetricName="ApproximateAgeOfOldestMessage",
                Dimensions=[{"Name": "QueueName", "Value": queue.name}],
                StartTime=end - timedelta(minutes=10),
                EndTime=end,
                Period=60,
                Statistics=["Maximum"],
            )
        except AwsError:
            return None
        points = sorted(response.get("Datapoints", ()), key=lambda point: point["Timestamp"])
        return float(points[-1]["Maximum"]) if points else None


def _peeked(message: dict[str, Any]) -> Peeked:
    system = message.get("Attributes", {})
    attributes = {
        name: str(value.get("StringValue", "(binary)")) for name, value in message.get("MessageAttributes", {}).items()
    }
    sent = int(system.get("SentTimestamp", 0))
    reason = ""
    if REASON in attributes:
        try:
            reason = str(orjson.loads(attributes[REASON]).get("reason", ""))
        except (orjson.JSONDecodeError, AttributeError):
            reason = attributes[REASON]
    return Peeked(
        message["MessageId"],
        datetime.fromtimestamp(sent / 1000, UTC) if sent else None,
        int(system.get("ApproximateReceiveCount", 1)),
        message["Body"],
        attributes,
        reason,
    )


def _kept(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "message_id": message["MessageId"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "message_attributes": message.get("MessageAttributes", {}),
    }

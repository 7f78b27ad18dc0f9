"""A transport whose queue is a list, for what needs an event loop and no network."""

import asyncio

from windlass.core.errors import AwsError
from windlass.wire.sqs import Message


class MemoryTransport:
    """Gives each message once; remembers what was done with it. `wait_s` is waited in hundredths."""

    def __init__(self, messages=(), *, broken=0):
        self.waiting = list(messages)
        self.deleted, self.changed, self.dead_lettered = [], [], []
        self.receives = 0
        self.attempts = []
        self.broken = broken
        self.closed = False

    async def receive(self, count, wait_s, attempt_id=""):
        self.receives += 1
        self.attempts.append(attempt_id)
        if self.broken:
            self.broken -= 1
            raise AwsError("the network is down")
        if not self.waiting:
            await asyncio.sleep(wait_s / 100)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken

    async def delete(self, receipts):
        self.deleted += receipts
        return []

    async def change_visibility(self, changes):
        self.changed += changes
        return []

    async def dead_letter(self, message, reason):
        self.dead_lettered.append((message.message_id, reason))

    async def close(self):
        self.closed = True


def messages(count, **more):
    return [Message(f"m{n}", f"r{n}", f"body {n}", {"ApproximateReceiveCount": "1"} | more) for n in range(count)]

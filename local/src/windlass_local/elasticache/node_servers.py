"""All node servers of this process: ports on loopback, each with a memcached that starts with its first client.

Each port also answers auto-discovery, as every ElastiCache node does, when `config get cluster` comes between commands
that have been answered (clients ask and wait). Everything runs on one separate thread; `close` stops all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from windlass_local.elasticache.commands import Command, Commands
from windlass_local.elasticache.memcached_process import Memcached, find_memcached
from windlass_local.elasticache.memory_server import MemoryServer

__all__ = ["NodeServers", "Port"]

_BLOCK = 65536
_READY_TRIES = 500
_READY_S = 0.01

Answer = TypeVar("Answer")
Discover = Callable[[str], bytes | None]
"""The reply to an auto-discovery command (`config` or `get`), or None where the engine does not know it."""


class Port:
    """A listening port: a node, or (with `through`) another name for one of the cluster's nodes."""

    def __init__(self, discover: Discover, through: Callable[[], Port | None] | None = None) -> None:
        self.discover = discover
        self.through = through
        self.number = 0
        self.memory: MemoryServer | None = None
        self.process: Memcached | None = None
        self.server: asyncio.Server | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.starting = asyncio.Lock()


class NodeServers:
    """Ports by number. Thread-safe; the thread and the folder of sockets are created with the first port."""

    def __init__(self, program: Callable[[], str] = find_memcached) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._folder: Path | None = None
        self._ports: dict[int, Port] = {}
        self._made = 0

    def open(self, discover: Discover, through: Callable[[], int] | None = None, *, at: int = 0) -> int:
        """Open a port (`at` when it is free) and return its number; `through` names the port whose node answers for this one."""

        async def listen() -> int:
            port = Port(discover, (lambda: self._ports.get(through())) if through else None)

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.ensure_future(self._serve(port, reader, writer))
                port.tasks.add(task)
                task.add_done_callback(port.tasks.discard)

            try:
                port.server = await asyncio.start_server(accept, "127.0.0.1", at)
            except OSError:
                port.server = await asyncio.start_server(accept, "127.0.0.1", 0)
            port.number = port.server.sockets[0].getsockname()[1]
            self._ports[port.number] = port
            return port.number

        return self._run(listen())

    def restart(self, number: int) -> None:
        """Empty a node, as a reboot does; its clients are disconnected."""
        self._run(self._empty(number))

    def shut(self, number: int) -> None:
        """Close a port and its connections."""
        self._run(self._shut(number))

    def running(self, number: int) -> str:
        """Return what serves a port now: `memcached`, `memory`, or ""."""
        port = self._ports.get(number)
        return "" if port is None else "memcached" if port.process else "memory" if port.memory else ""

    def close(self) -> None:
        """Stop every server; the object may be used again afterwards."""
        with self._lock:
            loop, thread, folder = self._loop, self._thread, self._folder
            self._loop = self._thread = self._folder = None
        if loop is None or thread is None:
            return

        async def all_shut() -> None:
            await asyncio.gather(*(self._shut(number) for number in list(self._ports)))

        asyncio.run_coroutine_threadsafe(all_shut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._folder = Path(tempfile.mkdtemp(prefix="windlass-cache-"))
                self._thread = threading.Thread(target=self._loop.run_forever, name="cache-nodes", daemon=True)
                self._thread.start()
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    async def _empty(self, number: int) -> None:
        port = self._ports.get(number)
        if port is None:
            return
        for task in list(port.tasks):
            task.cancel()
        await asyncio.gather(*port.tasks, return_exceptions=True)
        process, port.process, port.memory = port.process, None, None
        if process is not None:
            await asyncio.to_thread(process.stop)

    async def _shut(self, number: int) -> None:
        port = self._ports.get(number)
        if port is None:
            return
        if port.server is not None:
            port.server.close()
        await self._empty(number)
        self._ports.pop(number, None)

    async def _serve(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            node = port.through() if port.through else port
            if node is not None:
                await self._start(node)
                if node.memory is not None:
                    await _talk(node.memory, port.discover, reader, writer)
                elif node.process is not None:
                    await _relay(node.process.socket, port.discover, reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _start(self, node: Port) -> None:
        async with node.starting:
            if node.memory is not None or node.process is not None:
                return
            program = self._program()
            if not program or self._folder is None:
                node.memory = MemoryServer()
                return
            self._made += 1
            process = Memcached(program, self._folder / f"{self._made}.sock")
            for _ in range(_READY_TRIES):
                try:
                    _, writer = await asyncio.open_unix_connection(str(process.socket))
                except OSError:
                    await asyncio.sleep(_READY_S)
                else:
                    writer.close()
                    break
            node.process = process


def _discovery(command: Command, discover: Discover) -> bytes | None:
    match command.words:
        case (b"config", b"get", b"cluster"):
            return discover("config") or b"ERROR\r\n"
        case (b"get", b"AmazonElastiCache:cluster"):
            return discover("get")
    return None


async def _talk(
    memory: MemoryServer, discover: Discover, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    commands = Commands()
    memory.connections += 1
    memory.total_connections += 1
    try:
        while data := await reader.read(_BLOCK):
            for command in commands.feed(data):
                if command.words[:1] == (b"quit",):
                    return
                writer.write(_discovery(command, discover) or memory.answer(command))
            if commands.broken:
                writer.write(f"{commands.broken}\r\n".encode())
            await writer.drain()
            if commands.binary or commands.broken:
                return
    finally:
        memory.connections -= 1


async def _relay(socket: Path, discover: Discover, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    up_reader, up_writer = await asyncio.open_unix_connection(str(socket))

    async def down() -> None:
        while data := await up_reader.read(_BLOCK):
            writer.write(data)
            await writer.drain()
        writer.close()  # memcached closed the connection (quit): close ours, which ends the read below

    back = asyncio.ensure_future(down())
    commands = Commands()
    try:
        while data := await reader.read(_BLOCK):
            for command in commands.feed(data):
                reply = _discovery(command, discover)
                if reply is None:
                    up_writer.write(command.raw)
                else:
                    writer.write(reply)
            if commands.binary or commands.broken:  # memcached accepts or refuses it
                up_writer.write(commands.rest())
            await up_writer.drain()
    finally:
        up_writer.close()
        back.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await back

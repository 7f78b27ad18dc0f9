"""A reverse proxy as people put in front of a console: it adds X-Forwarded-For and passes bytes on both ways."""

import asyncio
import contextlib
import threading


async def _pass_on(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _serve_one(reader, writer, upstream_port, client):
    head = await reader.readuntil(b"\r\n\r\n")
    request, _, rest = head.partition(b"\r\n")
    kept = b"\r\n".join(line for line in rest.split(b"\r\n") if not line.lower().startswith(b"connection:"))
    upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", upstream_port)
    added = f"X-Forwarded-For: {client or writer.get_extra_info('peername')[0]}\r\nConnection: close\r\n".encode()
    try:
        upstream_writer.write(request + b"\r\n" + added + kept)
        await asyncio.gather(_pass_on(reader, upstream_writer), _answer(upstream_reader, writer))
    finally:
        upstream_writer.close()


async def _answer(upstream_reader, writer):
    await _pass_on(upstream_reader, writer)
    writer.close()


@contextlib.contextmanager
def reverse_proxy(upstream_port, client=""):
    """The port of a proxy on a thread of its own. `client` is the address it claims for everybody."""
    up, loop, port = threading.Event(), asyncio.new_event_loop(), []

    async def run():
        async def serve(reader, writer):
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await _serve_one(reader, writer, upstream_port, client)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        up.set()
        async with server:
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert up.wait(10)
    try:
        yield port[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.run_until_complete(loop.shutdown_asyncgens())
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.run_until_complete(asyncio.sleep(0.05))  # a transport closes in the turns of the loop after the call
        loop.close()

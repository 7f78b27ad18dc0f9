"""`windlass local`: up, seed, status. The embedded AWS is a development and test tool and listens on loopback only."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from windlass.cli.context import loaded_settings
from windlass.core.errors import AwsError, ConfigError, WindlassError
from windlass.core.units import format_bytes, format_duration
from windlass.present.commands import LeanGroup
from windlass.present.output import Column, Format, emit, emit_value
from windlass.present.progress import ProgressLine

app = typer.Typer(
    cls=LeanGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The embedded AWS: start it, fill it, look at it. For development and tests.",
)

Url = Annotated[str, typer.Option("--url", help="Where it listens; the configured port otherwise.")]


@app.command()
def up(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = -1,
    seed: Annotated[bool, typer.Option("--seed/--no-seed", help="Fill it with the demo estate.")] = True,
    weather: Annotated[bool, typer.Option("--weather", help="Keep making small random changes.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Take requests for this host name, too, such as host.docker.internal; *.NAME takes all below. Repeat it."
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Let pages of this origin, such as http://localhost:5173, read S3 as the bucket's CORS rules say. Repeat it."
        ),
    ] = None,
    require_signature: Annotated[
        bool | None,
        typer.Option(
            "--require-signature/--no-require-signature",
            help="Take only requests signed (SigV4) with a secret of this start, which is the second line on stdout.",
        ),
    ] = None,
    moto_api: Annotated[bool, typer.Option("--moto-api", help="Serve moto's control API (/moto-api/reset …).")] = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve the embedded AWS until Ctrl-C, to programs of this machine and no web page. Its first line on stdout is its URL.

    windlass local up --allow-host host.docker.internal

    windlass local up --require-signature
    """
    require_embedded_aws()
    from windlass_local.server import Access, LocalServer

    settings = loaded_settings(ctx).settings.local
    access = Access(
        hosts=(*settings.allow_hosts, *(allow_host or ())),
        origins=(*settings.allow_origins, *(allow_origin or ())),
        require_signature=settings.require_signature if require_signature is None else require_signature,
        moto_api=moto_api,
    )
    stop = threading.Event()
    port = settings.port if port < 0 else port
    with _own_errors(), LocalServer(port=port, cache_node_s=settings.cache_node_s, access=access) as server:
        print(server.url, flush=True)
        if server.secret:
            print(f"AWS_SECRET_ACCESS_KEY={server.secret}", flush=True)
        if seed:
            _fill(server.url, settings.seed, settings.scale)
        if weather:
            _start_weather(server.url, settings.seed, settings.changes_per_minute, stop)
        try:
            if with_parent:
                sys.stdin.read()  # ends when whoever started us is gone, however it went
            else:
                print("the embedded AWS is up; Ctrl-C stops it", file=sys.stderr)
                threading.Event().wait()
        except KeyboardInterrupt:
            print("stopping", file=sys.stderr)
        finally:
            stop.set()


@app.command()
def seed(ctx: typer.Context, url: Url = "") -> None:
    """Fill a running embedded AWS with the demo estate: the same for the same seed."""
    every = loaded_settings(ctx).settings
    settings = every.local
    where = url or f"http://127.0.0.1:{settings.port}"
    _fill(where, settings.seed, settings.scale, every.estate.endpoint_secret)


@app.command()
def status(
    ctx: typer.Context,
    url: Url = "",
    output: Annotated[Format, typer.Option("--output", "-o", help="Output format.")] = Format.TABLE,
) -> None:
    """Show what a running embedded AWS has done: calls by service, memory, uptime."""
    settings = loaded_settings(ctx).settings
    where = url or f"http://127.0.0.1:{settings.local.port}"
    facts = _get(where, "/_windlass/status", settings.estate.endpoint_secret)
    if output is not Format.TABLE:
        emit_value(facts)
        return
    uptime = format_duration(facts["uptime_s"])
    print(f"{where}: up {uptime}, {format_bytes(facts['rss_bytes'])}, {facts['calls']:,} calls", file=sys.stderr)
    rows = ({"service": name, "calls": count} for name, count in sorted(facts["calls_by_service"].items()))
    emit(rows, output, ["service", Column("calls", right=True)], empty="No calls yet.")


def require_embedded_aws() -> None:
    """Raise ConfigError when the distribution of the embedded AWS is not installed."""
    if find_spec("windlass_local") is None:
        raise ConfigError("the embedded AWS is not installed", hint="pip install 'windlass-aws[local]'")


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    """Raise errors of the embedded AWS as ours, with their exit code."""
    from windlass_local.exceptions import LocalError

    try:
        yield
    except LocalError as error:
        ours = WindlassError(error.message, hint=error.hint)
        ours.exit_code = error.exit_code
        raise ours from None


def _fill(url: str, number: int, scale: int, secret: str = "") -> None:
    require_embedded_aws()
    from windlass_local.seed import apply

    with _own_errors(), ProgressLine("seeding") as line:
        summary = apply(
            url,
            seed=number,
            scale=scale,
            secret=secret,
            progress=lambda what, done, total: line.update(done, total, what),
        )
    print(f"seeded {sum(summary.counts.values()):,} resources of {len(summary.counts)} types", file=sys.stderr)


def _start_weather(url: str, number: int, per_minute: float, stop: threading.Event) -> threading.Thread:
    from windlass_local import weather

    thread = threading.Thread(
        target=weather.run,
        args=(url,),
        kwargs={"seed": number, "rate_per_minute": per_minute, "stop": stop},
        name="weather",
        daemon=True,
    )
    thread.start()
    return thread


def _get(url: str, path: str, secret: str = "") -> dict[str, Any]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    request = urllib.request.Request(url + path, headers=headers)  # noqa: S310  the user's own loopback URL
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  the same
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise AwsError(
            f"the embedded AWS at {url} refuses {path}: {error}",
            hint="One that was started with --require-signature needs estate.endpoint_secret: the secret that it printed.",
        ) from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise AwsError(
            f"no embedded AWS answers at {url}: {error}", hint="Start it with `windlass local up`."
        ) from None

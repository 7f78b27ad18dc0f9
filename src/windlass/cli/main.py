"""The root of the command line.

A command is imported when it is called: `windlass --help` reads only the table below, so that it answers at once. An
error that a user can cause is printed as one line with a hint on stderr, and ends the process with the exit code of its
class; `--debug` shows the traceback.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Any, NoReturn

import typer

from windlass import __version__
from windlass.cli.context import loaded_settings, open_app
from windlass.core.errors import WindlassError
from windlass.core.limits import raise_file_limit
from windlass.present.commands import LeanGroup, command_of, unknown_command

__all__ = ["COMMANDS", "main", "root"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command's name, the `module:attribute` of its group, verb or typer app, and its line in `windlass --help`."""

    name: str
    target: str
    help: str

    def load(self) -> Any:
        """Import the module and return its click command."""
        module, _, attribute = self.target.partition(":")
        target = getattr(importlib.import_module(module), attribute)
        return command_of(target, self.name)


COMMANDS: tuple[Command, ...] = (
    Command(
        "demo",
        "windlass.cli.commands.demo:demo",
        "Show every feature on an embedded AWS: a sample estate, live changes, and the console.",
    ),
    Command("up", "windlass.cli.commands.up:up", "Run everything that windlass.toml configures, with the console."),
    Command("serve", "windlass.cli.commands.serve:serve", "Serve the web console and REST API."),
    Command("inventory", "windlass.inventory.commands:GROUP", "Know what exists, who owns it, what changed, and when."),
    Command(
        "check",
        "windlass.checks.commands:GROUP",
        "Find what is wrong with the estate, since when, and after which change.",
    ),
    Command(
        "facts", "windlass.facts.commands:GROUP", "Know what runs inside hosts: packages, ports, users, and since when."
    ),
    Command(
        "agent", "windlass.agent.commands:GROUP", "Read facts of hosts that have neither osquery nor Systems Manager."
    ),
    Command(
        "osquery", "windlass.osquery.commands:GROUP", "Read facts of hosts by their osquery agents, and ask them live."
    ),
    Command(
        "consume", "windlass.queues.commands.consume:consume", "Consume an SQS queue with a handler, until SIGTERM."
    ),
    Command(
        "queue",
        "windlass.queues.commands:GROUP",
        "List, read, fill and drain SQS queues, and redrive their dead letters.",
    ),
    Command("pipeline", "windlass.pipelines.commands:GROUP", "Transform S3 objects as they arrive, exactly once."),
    Command(
        "aggregate",
        "windlass.aggregation.commands:GROUP",
        "Turn many object events into one action per key and window.",
    ),
    Command(
        "watch",
        "windlass.watch.commands:GROUP",
        "Tell somebody when a resource changes, a check fails, a scope is not read, or a job fails.",
    ),
    Command(
        "memcached",
        "windlass.memcached.commands:GROUP",
        "List, plan and scale ElastiCache Memcached clusters, past 20 nodes.",
    ),
    Command(
        "clients", "windlass.clients.commands:GROUP", "Find clients that call S3 in an outdated way, and who owns them."
    ),
    Command(
        "replicate",
        "windlass.replication.commands:GROUP",
        "Copy existing objects to the replicas of buckets, and verify them.",
    ),
    Command("build", "windlass.deploy.commands.builds:GROUP", "Build Lambda zips and layers."),
    Command(
        "policy",
        "windlass.deploy.commands.policy:policy",
        "Print the least-privilege IAM policy of a capability.",
    ),
    Command(
        "deploy", "windlass.deploy.commands:GROUP", "Run pipelines and aggregators of windlass.toml in AWS Lambda."
    ),
    Command(
        "jobs", "windlass.cli.commands.jobs:GROUP", "List, follow, cancel and resume long-running jobs of any kind."
    ),
    Command("whoami", "windlass.cli.commands.whoami:whoami", "Show which identity is used, and why."),
    Command(
        "doctor", "windlass.cli.commands.doctor:doctor", "Check identity, endpoints, permissions, clock and store."
    ),
    Command("config", "windlass.cli.commands.config:GROUP", "Show, write and check windlass.toml."),
    Command("store", "windlass.cli.commands.store:GROUP", "Prepare the database for people who read it."),
    Command("token", "windlass.cli.commands.token:GROUP", "Create, list and revoke tokens of the console and API."),
    Command("local", "windlass.cli.commands.local:GROUP", "The embedded AWS: start it, populate it, read its status."),
)


class RootGroup(LeanGroup):
    """The root group: it imports a command when it is called, and writes its help from the table alone."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List every command's name, in the table's order."""
        return [command.name for command in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load the command; UsageError with the nearest name when there is none."""
        command = next((command for command in COMMANDS if command.name == cmd_name), None)
        if command is not None:
            return command.load()
        if ctx.resilient_parsing:  # shell completion asks for words that are not finished
            return None
        raise unknown_command("windlass", cmd_name, tuple(self.list_commands(ctx)))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list in `windlass --help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in COMMANDS])


root = typer.Typer(
    name="windlass",
    cls=RootGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Operate an AWS estate built around S3: inventory, events, replication, clients.",
)


def _print_version(requested: bool) -> None:
    # This must not be in `options`, which runs only when the command exists.
    if requested:
        print(f"windlass {__version__}")
        raise typer.Exit


@root.callback()
def options(
    ctx: typer.Context,
    config: Annotated[str, typer.Option("--config", "-c", metavar="FILE", help="Path of the windlass.toml.")] = "",
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="Use the credentials of this AWS profile, and no others.")
    ] = "",
    endpoint_url: Annotated[
        str, typer.Option(metavar="URL", help="Send requests to this endpoint instead of AWS.")
    ] = "",
    store: Annotated[str, typer.Option(metavar="URL", help="The database to use, instead of store.url.")] = "",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug logs.")] = False,
    version: Annotated[  # noqa: ARG001  its callback prints
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options that every command shares."""
    overrides: dict[str, Any] = {
        "estate.endpoint_url": endpoint_url,
        "store.url": store,
        "log.level": "debug" if debug else "",
    }
    ctx.obj = {
        "config": config or None,
        "profile": profile,
        "overrides": {key: value for key, value in overrides.items() if value},
        "debug": debug,
        "open_app": open_app,
        "load_settings": loaded_settings,
    }


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The console script: run, translate errors, exit."""
    # SIGTERM (a pod's stop) and SIGHUP (a closed terminal) stop the work as Ctrl-C does: in order, and resumable.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    raise_file_limit()
    arguments = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in arguments or bool(os.environ.get("WINDLASS_DEBUG"))
    sys.excepthook = _print_traceback
    threading.excepthook = lambda args: _print_traceback(args.exc_type, args.exc_value, args.exc_traceback)
    sys.exit(_run(arguments, debug=debug))


def _print_traceback(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Print a traceback as Python does, secrets in the errors' messages masked."""
    import traceback

    from windlass.core.secret_values import simple_mask

    print(simple_mask("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def _interrupt(signum: int, _: object) -> NoReturn:
    raise KeyboardInterrupt(signum)


def _run(arguments: list[str], *, debug: bool) -> int:
    try:
        code = root(arguments, prog_name="windlass", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        from windlass.cli.usage import usage_error

        return _print_error(usage_error(error))
    except WindlassError as error:
        if debug:
            raise
        return _print_error(error)
    except ModuleNotFoundError as error:
        from windlass.cli.extras import missing_package

        missing = missing_package(error)
        if debug or missing is None:
            raise
        return _print_error(missing)
    except (KeyboardInterrupt, typer.Abort):
        print("windlass: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # `windlass … | head` is fine; Python must not complain about the closed pipe at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _print_error(error: WindlassError) -> int:
    from windlass.core.secret_values import simple_mask

    print(f"windlass: {simple_mask(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)
    return error.exit_code

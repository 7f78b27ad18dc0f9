"""Commands as files: a group names its verbs, and a verb's module is imported when the verb is called or listed.

A verb is a typer function in its own module: `windlass queue drain` is `drain` in
`windlass/queues/commands/drain.py`. Its docstring is its help; the lines under `Examples:` are run by
tests/cli/test_examples.py.
"""

from __future__ import annotations

import importlib
import inspect
import keyword
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from windlass.core.errors import UsageError
from windlass.core.suggest import nearest

__all__ = ["Group", "LeanGroup", "VerbCommand", "command_of", "service", "settings_of", "unknown_command"]

_EXAMPLES = "\nExamples:\n"
_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of verbs: the package that holds their modules, its line of help, and their names in listing order."""

    package: str
    help: str
    verbs: tuple[str, ...]

    def load(self, verb: str) -> Group | Callable[..., Any]:
        """Import the module of `verb`; its inner GROUP, or the verb's function (`list_` where the name is a builtin's)."""
        name = verb.replace("-", "_") + ("_" if keyword.iskeyword(verb) else "")
        module = importlib.import_module(f"{self.package}.{name}")
        loaded: Group | Callable[..., Any] | None = getattr(module, "GROUP", None) or getattr(module, name, None)
        return loaded or cast("Callable[..., Any]", getattr(module, f"{name}_"))


class VerbCommand(TyperCommand):
    """A command whose docstring ends with examples; help prints them last and does not wrap them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        text, _, examples = (options.pop("help", "") or "").partition(_EXAMPLES)
        super().__init__(*args, help=text.rstrip(), **options)
        self.examples = tuple(line.strip() for line in examples.splitlines() if line.strip())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; the error of a wrong option names this command, also where typer's parser forgets it."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "ctx", ctx) is None:
                raise typer.BadParameter(error.format_message(), ctx=ctx) from None
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Write `[OPTIONS] QUEUE [BODY]...`: brackets mean optional, dots mean repeatable."""
        return [
            self.options_metavar or "",
            *(_usage_piece(param) for param in self.params if param.param_type_name == "argument"),
        ]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, one per line."""
        if self.examples:
            formatter.write_paragraph()
            formatter.write("Examples:\n" + "".join(f"  {line}\n" for line in self.examples))


class LeanOption(TyperOption):
    """A text or a flag of a group, without conversion. Typer's coercion would import pydantic: half the cost of a help."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        """Return the value, or what the option's callback makes of it."""
        return value if self.callback is None else self.callback(ctx, self, value)


class LeanGroup(TyperGroup):
    """A group whose own options are not coerced, so that the help of its commands is fast."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._lean: dict[str, LeanOption] = {}

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, `--help` and those of shell completion among them: the same objects each time."""
        for option in super().get_params(ctx):
            if option.name not in self._lean:
                self._lean[option.name] = _lean(option)
        return list(self._lean.values())


def _lean(option: Any) -> LeanOption:
    return LeanOption(
        param_decls=[option.name, *option.opts],
        type_descriptor=option.type_descriptor,
        default=option.default,
        callback=option.callback,
        metavar=option.metavar,
        expose_value=option.expose_value,
        is_eager=option.is_eager,
        is_flag=option.is_flag,
        help=option.help,
        show_default=option.show_default,
    )


class VerbGroup(LeanGroup):
    """A click group over a Group: it imports one verb to call it, and all of them to list them."""

    def __init__(self, group: Group, *, name: str) -> None:
        super().__init__(
            name=name, help=group.help, no_args_is_help=True, rich_markup_mode=None, context_settings=_HELP_OPTIONS
        )
        self._group = group

    def list_commands(self, ctx: Any) -> list[str]:
        """List the verbs in the group's order."""
        return list(self._group.verbs)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a verb; UsageError that names the nearest one when the group has no such verb."""
        if cmd_name in self._group.verbs:
            return command_of(self._group.load(cmd_name), cmd_name)
        if ctx.resilient_parsing:  # shell completion asks for words that are not finished
            return None
        raise unknown_command(ctx.command_path, cmd_name, self._group.verbs)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each verb with the first sentence of its help."""
        rows = [(verb, _summary(self._group.load(verb))) for verb in self._group.verbs]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def command_of(target: Group | Callable[..., Any] | typer.Typer, name: str) -> Any:
    """Make the click command of a group, a verb's function or a typer app."""
    if isinstance(target, Group):
        return VerbGroup(target, name=name)
    if isinstance(target, typer.Typer):
        return typer.main.get_command(target)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_HELP_OPTIONS)
    app.command(name, cls=VerbCommand)(target)
    return typer.main.get_command(app)


def unknown_command(path: str, word: str, known: tuple[str, ...]) -> UsageError:
    """Return the error for a word that is no command of `path`; its hint is the nearest name, else where names are
    listed.
    """
    close = nearest(word, known)
    hint = f"Did you mean `{path} {close}`?" if close else f"`{path} --help` lists the commands."
    return UsageError(f"`{path}` has no command {word!r}", hint=hint)


def service(ctx: typer.Context, name: str) -> Any:
    """Return a service of the App that the root command opens: `queues`, `jobs`, `store` …"""
    return getattr(ctx.find_root().obj["open_app"](ctx), name)


def settings_of(ctx: typer.Context) -> Any:
    """Return the settings in force, without opening the App: faster, and enough for commands that only read them."""
    return ctx.find_root().obj["load_settings"](ctx).settings


def _usage_piece(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper()).strip("[].")
    return (name if argument.required else f"[{name}]") + ("..." if argument.nargs == -1 else "")


def _summary(target: Group | Callable[..., Any]) -> str:
    text = target.help if isinstance(target, Group) else inspect.getdoc(target) or ""
    return text.partition("\n\n")[0].replace("\n", " ")

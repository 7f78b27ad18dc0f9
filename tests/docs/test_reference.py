"""Docs that can't rot: the reference is what the code says, and every link in the docs leads somewhere."""

import re
from pathlib import Path

import pytest

from windlass.cli.reference import pages, walk
from windlass.settings.load import known_keys

ROOT = Path(__file__).parents[2]
MARKDOWN = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md"), *(ROOT / "local").rglob("*.md")]
)


@pytest.mark.parametrize("name", ["commands.md", "settings.md", "types.md", "metrics.md", "errors.md"])
def test_the_reference_is_up_to_date(name):
    assert (ROOT / "docs/reference" / name).read_text("utf-8") == pages()[name], "run `make docs`"


def test_every_command_and_option_has_help():
    for name, command in walk():
        assert command.help, f"windlass {name} has no help"
        for parameter in command.params:
            if getattr(parameter, "param_type_name", "") == "option" and not parameter.hidden:
                assert parameter.help, f"windlass {name} {parameter.opts[0]} has no help"


def test_every_setting_has_a_description():
    for section, model in known_keys().items():
        for key, field in model.model_fields.items():
            assert field.description, f"[{section}] {key} has no description"


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_commands_named_in_the_guides_exist():
    known = {name for name, _ in walk()}
    groups = {name.split()[0] for name in known if " " in name}
    for page in MARKDOWN:
        for words in re.findall(r"windlass(?: -c \S+)? ((?:[a-z]+)(?: [a-z][a-z-]*)?)", "\n".join(_code(page))):
            first, _, second = words.partition(" ")
            if first in groups and second:
                assert words in known, f"{page.name} names `windlass {words}`"
            else:
                assert first in known, f"{page.name} names `windlass {first}`"


def _code(page):
    text = page.read_text("utf-8")
    blocks = re.findall(r"```(?:console|sh|text)\n(.*?)```", text, re.DOTALL)
    for block in blocks:
        yield from (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ windlass"))
    yield from re.findall(r"`(windlass [^`]+)`", text)


def test_readmes_of_capabilities_stay_short():
    for readme in (ROOT / "src").rglob("README.md"):
        assert len(readme.read_text("utf-8").splitlines()) <= 40, f"{readme} is longer than 40 lines"

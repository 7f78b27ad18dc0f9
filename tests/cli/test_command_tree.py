"""Options mean one thing everywhere: the rules of docs/glossary.md, asserted over the whole command tree."""

import re

import pytest

from windlass.cli.reference import walk
from windlass.deploy.capabilities import CAPABILITIES
from windlass.deploy.commands.policy import NAMES
from windlass.present.output import Format

TREE = dict(walk())
FOREIGN = ("demo", "local")  # commands of the embedded AWS's distribution
VERBS = {
    name: command
    for name, command in TREE.items()
    if not hasattr(command, "list_commands") and name.split()[0] not in FOREIGN
}

# Every command is one of these; a new one fails the test until it is put where it belongs.
WORKERS = {
    "up",
    "serve",
    "consume",
    "pipeline run",
    "aggregate run",
    "replicate worker",
    "inventory worker",
    "watch run",
    "inventory feed",
}
WRITES = {
    "inventory collect",
    "inventory import config",
    "inventory import cloudtrail",
    "queue send",
    "aggregate init",
    "watch retry",
    "aggregate trigger",
    "aggregate pause",
    "aggregate resume",
    "aggregate repair-timers",
    "deploy create",
    "replicate resume",
    "jobs cancel",
    "jobs resume",
    "store reader",
    "token create",
    "check mute",
    "facts collect",
    "facts import",
    "token revoke",
    "agent build",
    "osquery query",
    "osquery revoke",
    "osquery restore",
    "osquery secret create",
    "osquery secret revoke",
    "config init",
}
CONFIRMED = {  # destructive, or of many things: they ask
    "inventory prune",
    "queue drain",
    "queue dlq redrive",
    "queue dlq purge",
    "pipeline backfill",
    "pipeline retry",
    "memcached create",
    "memcached scale",
    "memcached delete",
    "clients trail enable",
    "clients trail disable",
    "deploy delete",
    "replicate seed",
    "replicate cancel",
}
READS = {  # nothing in AWS changes, and in the store no more than what was read
    "inventory list",
    "inventory show",
    "inventory history",
    "inventory changes",
    "inventory diff",
    "inventory search",
    "inventory dependents",
    "inventory graph",
    "inventory sql",
    "inventory stats",
    "inventory runs",
    "inventory coverage",
    "inventory types",
    "inventory owners",
    "inventory ip",
    "inventory export",
    "queue list",
    "queue stats",
    "queue peek",
    "queue watch",
    "queue dlq list",
    "queue dlq show",
    "pipeline list",
    "pipeline status",
    "pipeline transforms",
    "pipeline test",
    "aggregate list",
    "watch list",
    "watch test",
    "watch deliveries",
    "aggregate status",
    "aggregate simulate",
    "memcached list",
    "memcached show",
    "memcached nodes",
    "check run",
    "facts list",
    "facts show",
    "facts changes",
    "facts packages",
    "facts missing",
    "check list",
    "check show",
    "clients scan",
    "clients report",
    "clients agents",
    "clients scans",
    "clients table",
    "clients trail status",
    "clients trail verify",
    "replicate plan",
    "replicate preflight",
    "replicate status",
    "replicate watch",
    "replicate template",
    "replicate sets",
    "replicate report",
    "replicate verify",
    "build lambda",
    "policy",
    "deploy status",
    "jobs list",
    "jobs leases",
    "jobs show",
    "jobs log",
    "whoami",
    "doctor",
    "config show",
    "config validate",
    "token list",
    "osquery nodes",
    "osquery flags",
    "osquery config",
    "osquery pack",
    "osquery secret list",
}
# One row or one document: nothing to limit.
SINGLE = {
    "inventory collect",
    "queue stats",
    "queue watch",
    "aggregate simulate",
    "pipeline test",
    "check show",
    "memcached show",
    "memcached create",
    "memcached scale",
    "memcached delete",
    "clients scan",
    "replicate seed",
    "replicate worker",
    "replicate template",
    "build lambda",
    "policy",
    "deploy create",
    "deploy delete",
}
LETTERS = {
    "-o": "--output",
    "-n": "--limit",
    "-w": "--where",
    "-t": "--type",
    "-a": "--account",
    "-r": "--region",
    "-y": "--yes",
    "-q": "--quiet",
    "-f": "--follow",
    "-d": "--detach",
    "-s": "--set",
}
SECONDS = re.compile(r"\bseconds\b|\bminutes\b|how long|\btime (between|until|for)\b|duration", re.IGNORECASE)


def options(command):
    return {name: param for param in command.params if param.param_type_name == "option" for name in param.opts}


def arguments(command):
    return [param for param in command.params if param.param_type_name == "argument"]


def test_every_command_is_classified():
    kinds = [WORKERS, WRITES, CONFIRMED, READS]
    assert set().union(*kinds) == set(VERBS)
    assert sum(map(len, kinds)) == len(VERBS)


@pytest.mark.parametrize("name", sorted(WRITES | CONFIRMED))
def test_every_write_has_a_dry_run(name):
    assert "--dry-run" in options(VERBS[name])


@pytest.mark.parametrize("name", sorted(VERBS))
def test_exactly_what_asks_takes_yes(name):
    assert ("--yes" in options(VERBS[name])) == (name in CONFIRMED)


def test_a_letter_stands_for_one_option():
    for name, command in VERBS.items():
        for option in options(command).values():
            short = [text for text in option.opts if not text.startswith("--")]
            long = [text for text in option.opts if text.startswith("--")]
            for letter in short:
                assert LETTERS[letter] in long, f"windlass {name}: {letter}"
            for text in long:
                letters = [letter for letter, other in LETTERS.items() if other == text]
                assert short == letters, f"windlass {name}: {text} without {letters}"


def test_output_is_a_format_and_a_file_is_not():
    for name, command in VERBS.items():
        if "--output" in options(command):
            choices = options(command)["--output"].type_descriptor.annotation
            assert {str(choice) for choice in choices} <= {*map(str, Format), "toml", "junit", "ocsf"}, (
                f"windlass {name}"
            )


def test_every_listing_has_a_limit():
    for name, command in VERBS.items():
        listing = "--output" in options(command) and name not in SINGLE
        assert ("--limit" in options(command)) == listing or name in (
            "queue drain",
            "pipeline retry",
        ), f"windlass {name}"


def test_watch_where_type_account_and_region_have_one_meaning_everywhere():
    for name, command in VERBS.items():
        for option in options(command).values():
            if option.name in ("watch", "where"):
                assert option.opts[0] in ("--watch", "--where"), f"windlass {name}"
            if option.name in ("account", "accounts", "region", "regions", "types"):
                assert option.opts[0] in ("--account", "--region", "--type"), f"windlass {name}"


def test_durations_are_given_with_their_unit():
    for name, command in VERBS.items():
        for text, one in options(command).items():
            if SECONDS.search(one.help or "") and one.metavar not in ("TIME", "DURATION"):
                # Nothing that is counted in seconds is a bare number: not as a default, and not as a type.
                assert one.type_descriptor.annotation not in (int, float), f"windlass {name} {text}: {one.help}"


def test_no_number_stands_for_nothing():
    for name, command in VERBS.items():
        for text, one in options(command).items():
            assert one.default != -1, f"windlass {name} {text}"
            assert one.min is None or one.min >= 0, f"windlass {name} {text}"


def test_usage_is_written_without_double_brackets():
    for name, command in VERBS.items():
        for argument in arguments(command):
            assert re.fullmatch(r"[A-Z]+", argument.metavar or ""), f"windlass {name}: {argument.metavar}"
        context = command.context_class(command, info_name=f"windlass {name}")
        assert "[[" not in command.get_usage(context)
        assert "{" not in command.get_usage(context)


def test_only_the_root_installs_completion():
    for name, command in TREE.items():
        assert "--install-completion" not in options(command), f"windlass {name}"


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_help_is_one_sentence_and_two_examples(name):
    command = VERBS[name]
    first = command.help.split("\n\n")[0].replace("\n", " ")
    assert first[0].isupper()
    assert first.endswith(".")
    assert len(command.examples) == 2
    assert all(line.startswith("windlass ") for line in command.examples)
    assert any(re.search(rf"\b{re.escape(name)}\b", line) for line in command.examples)


def test_a_group_lists_each_verb_by_its_own_first_sentence():
    command = TREE["queue"]
    text = " ".join(command.get_help(command.context_class(command, info_name="windlass queue")).split())
    for verb in ("list", "drain"):
        assert " ".join(VERBS[f"queue {verb}"].help.split("\n\n")[0].split()) in text


def test_the_policy_names_every_capability():
    assert tuple(capability.name for capability in CAPABILITIES) == NAMES

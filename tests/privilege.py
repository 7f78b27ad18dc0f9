"""Tests whose Windlass calls the embedded AWS are tests of `windlass policy`, too: import `least_privilege`, which is autouse.

After each test, what Windlass called is compared with what the policies of the test's configurations allow: every
`windlass*.toml` below its tmp_path, one written only for this (`windlass-policy.toml`) among them where the command line
said it all. A test can't be left out unseen: calls without a configuration fail it, commands whose calls nobody saw fail
it, and so does a mark `unproved` where there is something to prove. The ways to say why not:

    @pytest.mark.unproved("why")            no AWS is called, or its calls can't be seen
    @pytest.mark.own_actions("s3:ListBucket")   what the test's own handlers or actions call, as a user's code would

An embedded AWS in another process is seen once the test says `least_privilege.watch(url)`.
"""

import contextlib
import json
import subprocess
import time
import urllib.request

import pytest

from tests.command import LISTENERS
from windlass.core.errors import ConfigError
from windlass.deploy.capabilities import CAPABILITIES
from windlass.deploy.policy import PolicyIdentity, facts_of
from windlass.deploy.policy_check import check
from windlass.settings import load
from windlass_local.server import LocalServer

__all__ = ["least_privilege"]

_OF_COMMANDS = {
    "aggregate": "aggregation",
    "clients": "clients",
    "consume": "queues",
    "deploy": "deploy",
    "facts": "facts",
    "inventory": "inventory",
    "memcached": "memcached",
    "pipeline": "pipelines",
    "queue": "queues",
    "replicate": "replication",
}
_ALWAYS_FUNCTIONS = ("pipelines", "aggregation", "queues")
"""What runs in Lambda is started by an event, not by a command."""


class Servers:
    """The embedded AWSs of this process: those that are up, and what those answered that ended during the test."""

    def __init__(self):
        self.up, self.ended, self.accounts = set(), [], set()

    def follow(self, kind):
        """Hear of every one from now on; fixtures of a session start theirs before any test's own."""
        enter, leave = kind.__enter__, kind.__exit__

        def entered(server):
            started = enter(server)
            self.up.add(server)
            return started

        def left(server, *error):
            self.up.discard(server)
            self.ended += server.gateway.calls.find({})
            self.accounts |= set(server.gateway.calls.by_account())
            return leave(server, *error)

        kind.__enter__, kind.__exit__ = entered, left


_ONLY_HERE = frozenset({"organizations:ListAccounts"})
"""Without accounts in the configuration the embedded AWS is asked for its own; AWS is not, unless `estate.organization` says so."""
_SERVERS = Servers()
_SERVERS.follow(LocalServer)


class Proof:
    """What one test's Windlass called, and what it was allowed."""

    def __init__(self, folder, own):
        self._folder, self._own = folder, _ONLY_HERE | frozenset(own)
        self._began = time.time()
        self._watched, self._words, self._typed = [], [], []
        _SERVERS.ended.clear()
        up = {account for server in _SERVERS.up for account in server.gateway.calls.by_account()}
        self._strangers = (
            up | _SERVERS.accounts
        )  # one process serves one estate: functions of tests whose server ended call on

    def watch(self, url):
        """The calls that an embedded AWS of another process answers count, too."""
        self._watched.append(url)

    def ran(self, arguments):
        """A process was started."""
        words = [str(argument) for argument in arguments] if isinstance(arguments, list | tuple) else []
        if "windlass" in words or "tests.e2e.seeding" in words:
            self._words.append(words)

    def typed(self, *words):
        """A command line is carried out in this process."""
        self._typed.append(words)

    def check(self):
        """The verdict; now, where a server will be gone when the test has ended."""
        made = self._made()
        assert made or not self._words, f"nobody saw what these called (`least_privilege.watch`): {self._words[:3]}"
        settings = self._settings() if made else []
        if not settings:  # who deploys a function has a configuration: these are of tests before
            made = [entry for entry in made if "AWS_Lambda" not in entry["user_agent"]]
        assert settings or not made, f"{len(made)} calls, and no windlass.toml to make a policy from: {made[0]}"
        calls = self._of_ours(made, settings)
        assert calls or not self._words, f"all calls are of other tests' accounts: name yours in {self._folder}"
        statements = [statement for each in settings for statement in self._statements(each)]
        missing = [entry for entry in check(calls, statements).missing if entry.action not in self._own]
        assert not missing, f"called, but not allowed by `windlass policy`: {missing[:20]}"
        self._words.clear()
        self._watched.clear()

    def check_reason(self, reason):
        """A test that says why it is not proved: it says something, and it is true."""
        assert reason, "`unproved` says no reason"
        made = self._made()
        settings = self._settings() if made else []
        assert not (settings and self._of_ours(made, settings)), f"it can be proved, though it says: {reason}"

    def _settings(self):
        """Of its configurations; what Windlass itself refuses to read can't have led to a call."""
        found = []
        for file in self._folder.rglob("windlass*.toml"):
            with contextlib.suppress(ConfigError):
                found.append(load(config=file.name, environ={}, cwd=file.parent).settings)
        return found

    def _made(self):
        """Windlass's own calls since the test began."""
        made = list(_SERVERS.ended)
        for server in _SERVERS.up:
            made += server.gateway.calls.find({})
        for url in self._watched:
            with urllib.request.urlopen(f"{url}/_windlass/calls", timeout=60) as answer:
                made += json.load(answer)["calls"]
        # A long poll of a worker that the test before has just stopped is answered now, and is not ours.
        ours = (entry for entry in made if "windlass/" in entry["user_agent"])
        return [our for our in ours if our["at"] - our["duration_s"] >= self._began]

    def _of_ours(self, made, settings):
        """Functions of other tests' accounts may still be at work: only accounts that are new, or that we name, count."""
        named = {account.id for setting in settings for account in setting.estate.accounts}
        return [entry for entry in made if entry["account_id"] in named or entry["account_id"] not in self._strangers]

    def _statements(self, settings):
        names = self._capabilities()
        for capability in CAPABILITIES:
            for use in capability.uses:
                if capability.name in names or (
                    use is PolicyIdentity.FUNCTION and capability.name in _ALWAYS_FUNCTIONS
                ):
                    yield from capability.statements(settings, facts_of(settings, versions=self._versions()), use)

    def _versions(self):
        """Whether noncurrent versions were seeded."""
        return any({"--versions", "versions"} & set(words) for words in [*self._words, *self._typed])

    def _capabilities(self):
        """Those of the commands that ran. All where that says nothing (`jobs`, `up`); where no command is known, but for the
        inventory, which may read everything and would allow any look."""
        commands = [*self._words, *self._typed]
        if not commands:
            return {capability.name for capability in CAPABILITIES if capability.name != "inventory"}
        known = [{_OF_COMMANDS[word] for word in words if word in _OF_COMMANDS} for words in commands]
        return set().union(*known) if all(known) else {capability.name for capability in CAPABILITIES}


@pytest.fixture(autouse=True)
def least_privilege(request, tmp_path, monkeypatch):
    """After the test: no call that the policies of its configurations, all together, would refuse."""
    own = [action for mark in request.node.iter_markers("own_actions") for action in mark.args]
    proof = Proof(tmp_path, own)

    class Popen(subprocess.Popen):
        """A process, of which the proof hears."""

        def __init__(self, args, *more, **options):
            proof.ran(args)
            super().__init__(args, *more, **options)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    LISTENERS.append(proof.ran)
    yield proof
    LISTENERS.remove(proof.ran)
    reasons = [mark.args[0] for mark in request.node.iter_markers("unproved")]
    if reasons:
        proof.check_reason(reasons[0])
    else:
        proof.check()

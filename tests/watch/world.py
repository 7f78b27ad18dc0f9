"""A store with an inventory, checks, jobs and watch rules, on a clock of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from windlass.checks.config import ChecksConfig
from windlass.checks.service import Checks
from windlass.inventory import runs, writer
from windlass.inventory.model import Observation, Scope, ScopeResult, ScopeState
from windlass.inventory.owner_directory import OwnerDirectory
from windlass.jobs.service import Jobs
from windlass.settings.model import Settings
from windlass.watch.service import Sources, Watch
from windlass.watch.worker import run_once

T0 = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "111111111111"
BUCKETS = Scope(ACCOUNT, "aws-global", "s3.bucket")
GROUPS = Scope(ACCOUNT, "eu-west-1", "ec2.security-group")
OPEN = {"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
SENT = []
"""What the action `python` of a rule received: (key, titles, attempt)."""
REFUSALS = []
"""Errors that the action raises before it takes the next message."""


def take(summary, context):
    """The action of the rules here: `python = "tests.watch.world:take"`."""
    if REFUSALS:
        raise REFUSALS.pop(0)
    SENT.append((context.key, [alert["title"] for alert in summary.document["alerts"]], context.attempt))


def rule(name="r", **options):
    action = {"kind": "python", "function": "tests.watch.world:take"}
    return {"name": name, "window_s": 60, "actions": [action], **options}


def bucket(name, scope=BUCKETS, **document):
    return Observation(
        type=scope.type,
        account_id=scope.account_id,
        region=scope.region,
        resource_id=name,
        arn=f"arn:aws:s3:::{name}",
        name=name,
        tags=document.get("Tags", {}),
        document={"Name": name, **document},
    )


class World:
    def __init__(self, store, folder, *rules):
        self.store, self.folder, self.now = store, folder, T0
        self.jobs = Jobs(store)
        self.configure(*rules)
        SENT.clear()
        REFUSALS.clear()

    def configure(self, *rules):
        self.rules = Settings.model_validate({"watch": list(rules)}).watch
        self.watch = self.service(self.store)

    def service(self, store):
        """Return the service over a view of the store, as a new process would build it."""
        from windlass.inventory.config import InventoryConfig
        from windlass.inventory.service import Inventory

        parts = {}
        owners = OwnerDirectory(store, observers=lambda: parts["watch"].observers(), now=lambda: self.now)
        inventory = Inventory(store, lambda: None, InventoryConfig(), owners=owners)
        checks = Checks(store, ChecksConfig(), self.folder, owners=owners, now=lambda: self.now)
        sources = Sources(lambda: inventory, lambda: checks, lambda: self.jobs)
        parts["watch"] = Watch(
            store, self.rules, sources, locate=lambda _: ("", ""), call=lambda *_: None, now=lambda: self.now
        )
        self.checks = checks
        return parts["watch"]

    def collect(self, *resources, scope=BUCKETS, state=ScopeState.OK, minutes=1):
        self.now += timedelta(minutes=minutes)
        run = runs.begin_run(self.store, now=self.now, scopes_total=1)
        result = ScopeResult(
            scope=scope, state=state, observations=resources, started_at=self.now, finished_at=self.now, calls=1
        )
        writer.write_result(self.store, run, result)

    def turn(self, seconds=0):
        """Let time pass, then evaluate and deliver. Return what was sent in this turn."""
        self.now += timedelta(seconds=seconds)
        before = len(SENT)
        run_once(self.watch)
        return SENT[before:]


def unknown(observation, *members):
    return replace(observation, unknown=frozenset(members))

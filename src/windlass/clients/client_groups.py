"""Grouping of uses into clients, the rows of the report: agent, findings on a day, owner, times. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from windlass.clients.agents import without_brackets
from windlass.clients.model import ClientUse, RuleFinding, S3Client, S3RequestFacts
from windlass.clients.rules import RULES, Rule
from windlass.clients.sdks import runtimes, sdks

__all__ = ["clients", "upgrade_of"]

_ORDER = [rule.name for rule in RULES]
_MAX_VALUES = 50  # limit of buckets, addresses and owners in a client's row; those with most requests come first


@dataclass
class _Group:
    findings: dict[str, RuleFinding] = field(default_factory=dict)
    requests: int = 0
    first_seen: str = "9"
    last_seen: str = ""
    tallies: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, use: ClientUse, findings: Iterable[RuleFinding]) -> None:
        for finding in findings:
            self.findings.setdefault(finding.rule, finding)
        key, facts = use.key, use.key.facts
        self.requests += use.requests
        self.first_seen = min(self.first_seen, use.first_seen)
        self.last_seen = max(self.last_seen, use.last_seen)
        address = f"{key.ip} ({use.holder_name})" if use.holder_name else key.ip
        owner = " ".join(part for part in (use.owner, use.holder_name and f"({use.holder_name})") if part)
        for name, value in (
            ("signature", facts.signature or "unknown"),
            ("tls", facts.tls or "unknown"),
            ("account", key.account_id),
            ("region", facts.region),
            ("bucket", key.bucket),
            ("address", address),
            ("owner", owner),
            ("access_key", key.access_key),
            ("day", use.day),
        ):
            if value:
                self.tallies.setdefault(name, Counter())[value] += use.requests

    def top(self, name: str) -> dict[str, int]:
        return dict(self.tallies.get(name, Counter()).most_common(_MAX_VALUES))

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(self.tallies.get(name, Counter())))


def clients(uses: Iterable[ClientUse], rules: Sequence[Rule], on: date) -> Iterator[S3Client]:
    """Yield one client per agent and principal with findings on that day. `uses` are sorted by agent."""
    for _, of_agent in groupby(uses, key=lambda use: use.key.facts.agent):
        groups: dict[tuple[str, str], _Group] = {}
        verdicts: dict[S3RequestFacts, tuple[RuleFinding, ...]] = {}
        for use in of_agent:
            facts = use.key.facts
            if facts not in verdicts:
                verdicts[facts] = tuple(finding for rule in rules if (finding := rule.evaluate(facts, on)))
            if verdicts[facts]:
                groups.setdefault((facts.agent, use.key.principal), _Group()).add(use, verdicts[facts])
        for (agent, principal), group in groups.items():
            yield _client(agent, principal, group)


def _client(agent: str, principal: str, group: _Group) -> S3Client:
    parsed = S3RequestFacts(agent, "", "", "", "", "", "").parsed
    sdk, runtime = sdks().get(parsed.client.id), runtimes().get(parsed.runtime.id)
    return S3Client(
        agent=without_brackets(agent),
        sdk=sdk.title if sdk else "",
        version=parsed.client.version,
        runtime=f"{runtime.title} {parsed.runtime.version.lstrip('v')}" if runtime else "",
        principal=principal,
        findings=tuple(sorted(group.findings.values(), key=lambda finding: _ORDER.index(finding.rule))),
        requests=group.requests,
        first_seen=group.first_seen,
        last_seen=group.last_seen,
        signatures=group.top("signature"),
        tls=group.top("tls"),
        accounts=group.names("account"),
        regions=group.names("region"),
        buckets=group.top("bucket"),
        addresses=group.top("address"),
        owners=group.top("owner"),
        access_keys=group.names("access_key"),
        days=dict(sorted(group.tallies.get("day", Counter()).items())),
    )


def upgrade_of(client: S3Client) -> str:
    """Return the advice in one line: the version to upgrade to, and how."""
    worst = next(iter(client.findings), None)
    if worst is None:
        return ""
    later = " or later" if worst.required[-1:].isdigit() else ""
    target = f"to {worst.required}{later}: " if worst.required else ""
    return f"{target}{worst.advice}"

"""Harbour Freight & Tide, an invented company: its accounts, teams and services, the same for the same random seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ACCOUNTS", "REGIONS", "TEAMS", "Bucket", "Workload", "plan_buckets", "plan_workloads", "tags_of"]

ACCOUNTS = {"111111111111": "harbour-prod", "222222222222": "harbour-data", "333333333333": "harbour-dev"}
REGIONS = ("us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2")
TEAMS = {
    "web": ("storefront", "assets", "search"),
    "payments": ("ledger", "invoices", "settlement"),
    "data": ("lake", "reports", "features"),
    "platform": ("logs", "backups", "artifacts"),
    "media": ("footage", "thumbnails", "captions"),
}
_ENVIRONMENTS = {"111111111111": "prod", "222222222222": "prod", "333333333333": "dev"}
_COUNTRIES = {"us-east-1": "us", "eu-west-1": "ie", "eu-central-1": "de", "ap-southeast-2": "au"}
# How frequent each feature is. Bucket 3·n of a cycle always has the n-th, so that an estate shows all of them.
_FEATURES = {
    "versioning": 0.45,
    "kms": 0.25,
    "sse-s3": 0.3,
    "public-read": 0.05,
    "tls-only": 0.35,
    "lifecycle": 0.4,
    "logging": 0.2,
    "to-sqs": 0.25,
    "to-sns": 0.12,
    "to-eventbridge": 0.15,
    "website": 0.06,
    "cors": 0.12,
    "object-lock": 0.05,
    "accelerate": 0.04,
    "requester-pays": 0.04,
    "inventory": 0.12,
    "metrics": 0.2,
    "analytics": 0.06,
    "tiering": 0.12,
    "ownership": 0.15,
}
_EVERY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket to create, and its configuration."""

    name: str
    account_id: str
    region: str
    location: str  # the LocationConstraint: empty in us-east-1, `EU` for the old one
    tags: dict[str, str]
    features: frozenset[str]
    objects: int
    size_bytes: int
    replica: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A service of a team in one account and region: machines, functions, queues, tables."""

    team: str
    service: str
    account_id: str
    region: str
    instances: int
    tags: dict[str, str]

    @property
    def name(self) -> str:
        """Return the name, such as `web-storefront`."""
        return f"{self.team}-{self.service}"


def tags_of(team: str, service: str, environment: str) -> dict[str, str]:
    """Return the tags that the company requires."""
    return {"team": team, "service": service, "env": environment, "cost-center": f"cc-{sum(map(ord, team)) % 90 + 10}"}


def plan_buckets(random_seed: int, scale: int) -> tuple[Bucket, ...]:
    """Plan at least 60 buckets times `scale`, over all accounts and regions."""
    rng = random.Random(random_seed)  # noqa: S311  believable, not secret
    return tuple(bucket for round_ in range(scale) for bucket in _round(rng, round_))


def _round(rng: random.Random, round_: int) -> Iterator[Bucket]:
    old_one = round_ == 0
    number = 0
    for account_id, alias in ACCOUNTS.items():
        environment = _ENVIRONMENTS[account_id]
        for team, services in TEAMS.items():
            for service in services:
                for region in rng.sample(REGIONS, 2 if rng.random() < 0.6 else 1):
                    suffix = f"-{round_}" if round_ else ""
                    legacy = old_one and region == "eu-west-1"
                    old_one = old_one and not legacy
                    yield Bucket(
                        name=f"{alias}-{team}-{service}-{_COUNTRIES[region]}{suffix}",
                        account_id=account_id,
                        region=region,
                        location="EU" if legacy else "" if region == "us-east-1" else region,
                        tags={} if rng.random() < 0.12 else tags_of(team, service, environment),
                        features=_features(rng, number),
                        objects=rng.choice((0, 0, 1, 2, 3, 5)),
                        size_bytes=int(10 ** rng.uniform(6, 13)),
                    )
                    number += 1


def _features(rng: random.Random, number: int) -> frozenset[str]:
    return frozenset(
        feature
        for at, (feature, chance) in enumerate(_FEATURES.items())
        if rng.random() < chance or number == at * _EVERY
    )


def plan_workloads(random_seed: int, scale: int) -> tuple[Workload, ...]:
    """Plan each team's services, each in one or two regions of an account."""
    rng = random.Random(random_seed + 1)  # noqa: S311
    result = []
    for round_ in range(scale):
        for account_id in ACCOUNTS:
            for team, services in TEAMS.items():
                for service in services[: 2 if account_id == "111111111111" else 1]:
                    for region in rng.sample(REGIONS, 2 if account_id == "111111111111" else 1):
                        name = f"{service}{round_ or ''}"
                        tags = tags_of(team, service, _ENVIRONMENTS[account_id])
                        result.append(
                            Workload(
                                team=team,
                                service=name,
                                account_id=account_id,
                                region=region,
                                instances=rng.randint(1, 2),
                                tags=tags,
                            )
                        )
    return tuple(result)

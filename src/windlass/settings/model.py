"""The shape of windlass.toml: a section per capability, declared by the capability itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from windlass.aggregation.config import AggregateConfig
from windlass.checks.config import ChecksConfig
from windlass.clients.config import ClientsConfig
from windlass.estate.config import EstateConfig, ServiceConfig
from windlass.facts.config import FactsConfig
from windlass.feed.config import FeedConfig
from windlass.inventory.config import InventoryConfig
from windlass.memcached.config import MemcachedConfig
from windlass.observe.config import LogConfig
from windlass.osquery.config import OsqueryConfig
from windlass.owners.config import OwnersConfig
from windlass.pipelines.config import PipelineConfig
from windlass.queues.config import ConsumeConfig
from windlass.replication.config import ReplicateConfig, ReplicationConfig
from windlass.settings.console import ConsoleConfig, OidcConfig
from windlass.store.config import StoreConfig
from windlass.watch.config import WatchConfig

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class LocalConfig(BaseModel):
    """The embedded AWS of `windlass local` and `windlass demo`: a development and test tool, loopback only."""

    model_config = _FROZEN

    port: int = Field(default=8471, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allow_hosts: list[str] = Field(
        default=[],
        description="Host names that requests may carry besides loopback's (`host.docker.internal`); `*.name` for its subdomains.",
    )
    allow_origins: list[str] = Field(
        default=[],
        description="Origins whose web pages may read S3, as the buckets' CORS rules say; every other page is refused.",
    )
    require_signature: bool = Field(
        default=False, description="Accept only requests signed with the secret that each start prints."
    )
    random_seed: int = Field(
        default=7, description="Random seed of the sample estate: the same number creates the same estate."
    )
    scale: int = Field(default=1, ge=1, le=100, description="Multiplies the sample estate.")
    cache_node_s: float = Field(
        default=2.0, ge=0, le=3600, description="Seconds an ElastiCache node takes to be created, removed or rebooted."
    )
    changes_per_minute: float = Field(
        default=20.0,
        ge=0,
        le=6000,
        description="Random changes that `windlass demo` simulates in the estate; 0 for none.",
    )


class Settings(BaseModel):
    """All of windlass.toml."""

    model_config = _FROZEN

    store: StoreConfig = StoreConfig()
    estate: EstateConfig = EstateConfig()
    inventory: InventoryConfig = InventoryConfig()
    feed: FeedConfig = FeedConfig()
    owners: OwnersConfig = OwnersConfig()
    checks: ChecksConfig = ChecksConfig()
    facts: FactsConfig = FactsConfig()
    osquery: OsqueryConfig = OsqueryConfig()
    memcached: MemcachedConfig = MemcachedConfig()
    clients: ClientsConfig = ClientsConfig()
    replication: ReplicationConfig = ReplicationConfig()
    console: ConsoleConfig = ConsoleConfig()
    oidc: OidcConfig = OidcConfig()
    local: LocalConfig = LocalConfig()
    consume: list[ConsumeConfig] = Field(default=[], description="Consumers that `windlass up` runs, one table each.")
    aggregate: list[AggregateConfig] = Field(
        default=[], description="Rules that turn many object events into one action, one table each."
    )
    watch: list[WatchConfig] = Field(
        default=[], description="Rules that tell somebody what happened in the estate, one table each."
    )
    pipeline: list[PipelineConfig] = Field(
        default=[], description="Pipelines that transform objects as they land, one table each."
    )
    replicate: list[ReplicateConfig] = Field(
        default=[], description="Sets of bucket pairs to be seeded, one table each."
    )
    service: list[ServiceConfig] = Field(
        default=[], description="S3 services other than the estate's AWS, one table each."
    )
    log: LogConfig = LogConfig()

    @field_validator("service")
    @classmethod
    def _each_once(cls, value: list[ServiceConfig]) -> list[ServiceConfig]:
        names = [service.name for service in value]
        if len(set(names)) < len(names):
            raise ValueError("two services have the same name")
        return value

    @field_validator("watch")
    @classmethod
    def _each_rule_once(cls, value: list[WatchConfig]) -> list[WatchConfig]:
        names = [rule.name for rule in value]
        if len(set(names)) < len(names):
            raise ValueError("two watch rules have the same name")
        return value

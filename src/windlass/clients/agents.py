"""The parser of user agents: the SDK that signed, its version, and the language runtime.

    agent    = "[" list "]" | list            one client may send both forms
    list     = token *(( SP | "," ) token)
    token    = name [ ( "/" | "#" ) version ]  version is the text after the first separator, also when malformed or empty
    comment  = "(" … ")"                       nested up to three deep, also inside a token; it is ignored
    metadata = ua/ os/ lang/ md/ api/ exec-env/ cfg/ app/ ft/ m/   (User agent 2.x); lang and md name runtimes

The signing SDK is the first token that names one (`S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.666`), except that
Botocore takes precedence: it signs for the AWS CLI, Boto3 and everything built on them. Agents can be forged: a client
can send any text, while CloudTrail itself writes the signature field.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from windlass.clients.sdks import family_of, runtimes
from windlass.clients.versions import SERVICE, Version, parse_version

__all__ = ["UNKNOWN", "Agent", "Product", "parse_agent", "without_brackets", "without_comments"]

_COMMENT = re.compile(r"\([^()]*\)")
_REST = re.compile(r"\(.*", re.DOTALL)
_SPACE = " \t\n\r\f"
_SPLIT = re.compile(f"[{_SPACE},]+")  # the same five characters in Python, RE2 and Java, where \s differs
_TOKEN = re.compile(r"([^/#]*)[/#]?(.*)", re.DOTALL)
_METADATA = frozenset({"ua", "os", "lang", "md", "api", "exec-env", "cfg", "app", "ft", "m"})
_SERVICE = re.compile(f"^{SERVICE}(?=[0-9])")
_CACHED_AGENTS = 65_536
_MAX_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Product:
    """A known product in an agent: the SDK's or runtime's id and the version as written."""

    id: str
    version: str

    @property
    def numbers(self) -> Version | None:
        """The version as numbers; None for an empty or malformed one."""
        return parse_version(self.version)


UNKNOWN = Product("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A parsed agent: `client` is the product to upgrade, `signer` the SDK that signs; UNKNOWN where the agent names none."""

    text: str
    client: Product = UNKNOWN
    signer: Product = UNKNOWN
    runtime: Product = UNKNOWN


def without_brackets(text: str) -> str:
    """Return the first 4,096 characters of the agent, without surrounding white space and outer brackets."""
    bare = text[:_MAX_CHARS].strip(_SPACE)
    return bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare


def without_comments(text: str) -> str:
    """Return the agent without outer brackets and comments (three levels); an unclosed comment ends the text."""
    bare = without_brackets(text)
    for _ in range(3):
        bare = _COMMENT.sub("", bare)
    return _REST.sub("", bare)


@functools.lru_cache(maxsize=_CACHED_AGENTS)
def parse_agent(text: str) -> Agent:
    """Parse an agent into client, signer and runtime. Every text is an agent; results are cached."""
    products: dict[str, Product] = {}
    first = UNKNOWN
    runtime = UNKNOWN
    for token in _SPLIT.split(without_comments(text)):
        name, version = _named(token)
        family = family_of(name)
        if family:
            product = Product(family, _own_version(version))
            # `aws-sdk-dotnet-45/ aws-sdk-dotnet-core/3.3.31.7`: the second token has the version that is missing in the first.
            if family not in products or (products[family].numbers is None and product.numbers is not None):
                first = product if not first.id or first.id == family else first
                products[family] = product
        elif not runtime.id:
            runtime = _runtime(name, version)
    signer = products.get("botocore") or products.get("boto3") or products.get("aws-cli") or first
    client = products.get("aws-cli") or products.get("boto3") or signer
    return Agent(text=text, client=client, signer=signer, runtime=runtime)


def _named(token: str) -> tuple[str, str]:
    """Return name and version of a token; in `md/Botocore#1.31.16` and `lang/python#3.8` the name follows the category."""
    name, version = _halves(token)
    if name.lower() in ("md", "lang") and version:
        return _halves(version)
    return ("", "") if name.lower() in _METADATA else (name, version)


def _own_version(text: str) -> str:
    """Return a version without the service before it: early Go v2 clients wrote `aws-sdk-go-v2/rds/1.11.0`."""
    return _SERVICE.sub("", text, count=1)


def _halves(token: str) -> tuple[str, str]:
    halves = _TOKEN.fullmatch(token)
    assert halves is not None  # the pattern matches any text
    return halves[1], halves[2]


def _runtime(name: str, version: str) -> Product:
    lower = name.lower()
    if not parse_version(version):
        return UNKNOWN
    names, platforms = _runtime_names()
    runtime_id = (platforms.get(lower) if version[:1] in "vV" else None) or names.get(lower)
    return Product(runtime_id, version) if runtime_id else UNKNOWN


@functools.cache
def _runtime_names() -> tuple[dict[str, str], dict[str, str]]:
    """Return the ids of runtimes by name and by platform."""
    return (
        {name: runtime.id for runtime in runtimes().values() for name in runtime.names},
        {platform: runtime.id for runtime in runtimes().values() for platform in runtime.platforms},
    )

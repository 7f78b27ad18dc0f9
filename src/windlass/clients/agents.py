"""User agents by their grammar: which SDK signed, in which version, on which language runtime.

    agent    = "[" list "]" | list            the brackets come and go for one client
    list     = token *(( SP | "," ) token)
    token    = name [ ( "/" | "#" ) version ]  version is what follows the first separator, odd and empty ones too
    comment  = "(" … ")"                       nested up to three deep, also inside a token; nothing in it counts
    metadata = ua/ os/ lang/ md/ api/ exec-env/ cfg/ app/ ft/ m/   (User agent 2.x); lang and md name runtimes

The signing SDK is the first token that is one, wherever it stands (`S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.666`),
but Botocore decides where it is present, as it signs for the AWS CLI, Boto3 and all that is built on them. Agents can be
forged: they are what a client says of itself, not a fact as the signature field is.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from windlass.clients.sdks import family_of, runtimes
from windlass.clients.versions import SERVICE, Version, parse_version

__all__ = ["NODE_PLATFORMS", "UNKNOWN", "Agent", "Product", "parse_agent", "without_brackets", "without_comments"]

_COMMENT = re.compile(r"\([^()]*\)")
_REST = re.compile(r"\(.*", re.DOTALL)
_SPACE = " \t\n\r\f"
_SPLIT = re.compile(f"[{_SPACE},]+")  # the same five signs in Python, RE2 and Java, where \s differs
_TOKEN = re.compile(r"([^/#]*)[/#]?(.*)", re.DOTALL)
_METADATA = frozenset({"ua", "os", "lang", "md", "api", "exec-env", "cfg", "app", "ft", "m"})
_SERVICE = re.compile(f"^{SERVICE}(?=[0-9])")
NODE_PLATFORMS = ("linux", "darwin", "win32", "sunos", "freebsd", "aix")
_KEPT = 65_536
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Product:
    """A known product in an agent: the SDK's or runtime's id and the version as written."""

    id: str
    version: str

    @property
    def numbers(self) -> Version | None:
        """The version as numbers; None for an empty or odd one."""
        return parse_version(self.version)


UNKNOWN = Product("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What an agent says: `client` is what its owner upgrades, `signer` the SDK that signs; UNKNOWN where nothing is known."""

    text: str
    client: Product = UNKNOWN
    signer: Product = UNKNOWN
    runtime: Product = UNKNOWN


def without_brackets(text: str) -> str:
    """The agent without white space at its ends and without its outer brackets; at most 4,096 characters of it."""
    bare = text[:_LONGEST].strip(_SPACE)
    return bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare


def without_comments(text: str) -> str:
    """The agent without its outer brackets and without comments, nested up to three deep; an unclosed one ends the text."""
    bare = without_brackets(text)
    for _ in range(3):
        bare = _COMMENT.sub("", bare)
    return _REST.sub("", bare)


@functools.lru_cache(maxsize=_KEPT)
def parse_agent(text: str) -> Agent:
    """The agent's client, signer and runtime. Total: any text is an agent; remembered per distinct text."""
    found: dict[str, Product] = {}
    first = UNKNOWN
    runtime = UNKNOWN
    for token in _SPLIT.split(without_comments(text)):
        name, version = _named(token)
        family = family_of(name)
        if family:
            product = Product(family, _own_version(version))
            # `aws-sdk-dotnet-45/ aws-sdk-dotnet-core/3.3.31.7`: the second names the version that the first lacks.
            if family not in found or (found[family].numbers is None and product.numbers is not None):
                first = product if not first.id or first.id == family else first
                found[family] = product
        elif not runtime.id:
            runtime = _runtime(name, version)
    signer = found.get("botocore") or found.get("boto3") or found.get("aws-cli") or first
    client = found.get("aws-cli") or found.get("boto3") or signer
    return Agent(text=text, client=client, signer=signer, runtime=runtime)


def _named(token: str) -> tuple[str, str]:
    """Name and version of a token; `md/Botocore#1.31.16` and `lang/python#3.8` are named by what follows the category."""
    name, version = _halves(token)
    if name.lower() in ("md", "lang") and version:
        return _halves(version)
    return ("", "") if name.lower() in _METADATA else (name, version)


def _own_version(text: str) -> str:
    """`rds/1.11.0`, which early Go v2 clients wrote after the SDK's name, without the service."""
    return _SERVICE.sub("", text, count=1)


def _halves(token: str) -> tuple[str, str]:
    found = _TOKEN.fullmatch(token)
    assert found is not None  # the pattern matches any text
    return found[1], found[2]


def _runtime(name: str, version: str) -> Product:
    lower = name.lower()
    if not parse_version(version):
        return UNKNOWN
    if lower in NODE_PLATFORMS and version[:1] in "vV":  # aws-sdk-nodejs/2.586.0 darwin/v13.2.0 promise
        return Product("nodejs", version)
    found = _runtime_names().get(lower)
    return Product(found, version) if found else UNKNOWN


@functools.cache
def _runtime_names() -> dict[str, str]:
    return {name: runtime.id for runtime in runtimes().values() for name in runtime.names}

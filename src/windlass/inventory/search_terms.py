"""What people type into the search box: words, an address or network, and filters (`type:s3 tag:team=web logs`). Pure."""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass

__all__ = ["SearchTerms", "network_of", "parse_terms"]

_FILTERS = ("type", "tag", "account", "region", "owner")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """A parsed search: the text to look for, and conditions as the option `--where` takes them."""

    text: str
    conditions: tuple[str, ...] = ()


def parse_terms(text: str) -> SearchTerms:
    """Split a search into text and conditions. `type:s3` means all types of the service, `type:s3.bucket` one type.

    `-tag:owner` means without the tag, `-owner:*` without an owner. Quotes keep white space together: `tag:team="data science"`.
    """
    words, conditions = [], []
    for word in _split(text):
        name, colon, value = word.removeprefix("-").partition(":")
        if not colon or not value or name not in _FILTERS or (word.startswith("-") and not _is_negatable(name, value)):
            words.append(word)
        elif name in ("tag", "owner"):
            conditions.append(word)
        elif name == "type":
            conditions.append(f"type={value if '.' in value or '*' in value else value + '.*'}")
        else:
            conditions.append(f"{name}={value}")
    return SearchTerms(" ".join(words), tuple(conditions))


def _is_negatable(name: str, value: str) -> bool:
    return name == "tag" or (name, value) == ("owner", "*")


def _split(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:  # an unclosed quote, while a person still types
        return text.split()


def network_of(text: str) -> Network | None:
    """Return the network that a text is (a single address is a network of one); None for any other text."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None

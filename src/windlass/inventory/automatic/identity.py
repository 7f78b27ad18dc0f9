"""The members of an item that identify it, by rank: `{Noun}Arn`, `Arn`, `{Noun}Id`, `Id`, `{Noun}Name`, `Name`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.inventory.automatic.nouns import singular, words

__all__ = ["ItemIdentity", "identity_of", "text_identity"]

_RANKS = (("arn",), ("id", "identifier", "uuid"), ("name",))
_LABELS = ("name", "displayname", "title", "alias")
_TEXTS = {"arn": "Arn", "id": "Id", "identifier": "Id", "name": "Name", "url": "Url"}
_ALTERNATIVES = 3  # identifying members to try: an item may lack the first one


@dataclass(frozen=True, slots=True)
class ItemIdentity:
    """Paths on an item. `arn` and `label` are empty when it has none."""

    id: str
    arn: str = ""
    label: str = ""


def identity_of(members: Mapping[str, Mapping[str, Any]], nouns: Iterable[str]) -> ItemIdentity | None:
    """Return the identity of items with these members, which are called one of `nouns`; None when no member identifies them."""
    texts = {name.lower().replace("_", ""): name for name, shape in members.items() if shape["type"] == "string"}
    prefixes = _prefixes(nouns)
    ranked = [
        texts[key]
        for endings in _RANKS
        for prefix in prefixes
        for ending in endings
        if (key := prefix + ending) in texts
    ]
    if not ranked:
        return None
    arns = [name for name in ranked if name.lower().endswith("arn")]
    labels = [texts[key] for ending in _LABELS for prefix in prefixes if (key := prefix + ending) in texts]
    return ItemIdentity(
        " || ".join(dict.fromkeys(ranked[:_ALTERNATIVES])), arns[0] if arns else "", labels[0] if labels else ""
    )


def text_identity(path: str, noun: str) -> ItemIdentity | None:
    """Return the identity of bare texts by the name of their list: the key to put each under.

    `clusterArns` and `TableNames` say what their texts are; a list called as what it holds (`projects`) has names.
    """
    name = path.rpartition(".")[2]
    parts = words(name)
    ending = parts[-1].lower().removesuffix("s") if parts else ""
    called = "".join((*parts[:-1], singular(parts[-1]))).lower() if parts else ""
    key = _TEXTS.get(ending) or ("Name" if called == noun.lower() else None)
    if key is None:
        return None
    return ItemIdentity(key, key if key == "Arn" else "")


def _prefixes(nouns: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes of identifying members: each noun and what is left of it without its first words, then none."""
    prefixes: dict[str, None] = {}
    for noun in nouns:
        parts = words(noun)
        for start in range(len(parts)):
            prefixes.setdefault("".join(parts[start:]).lower())
    return (*prefixes, "")

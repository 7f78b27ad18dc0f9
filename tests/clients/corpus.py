"""The corpus of real user agents with the verdict a person gave each: tests/data/agents.txt says what the words mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent.parent / "data" / "agents.txt"


@dataclass(frozen=True)
class Labelled:
    text: str
    client: str
    version: str
    signs: str
    support: str
    runtime: str
    origin: str


def corpus() -> list[Labelled]:
    found, label = [], ("", "", "", "", "")
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("@"):
            words, _, origin = line[1:].partition(" | ")
            client, signs, support, runtime = words.split()
            label = ("" if client == "unknown" else client, signs, support, runtime, origin)
            continue
        version, _, text = line.partition(" | ")
        client, signs, support, runtime, origin = label
        found.append(Labelled(text, client, "" if version == "-" else version, signs, support, runtime, origin))
    return found

"""Redaction on the embedded estate: what it hides of data that holds no secret, and what it costs a document.

Everything is collected without redaction, then redacted. Each text that this changes is listed by rule, type and path with
an example: the estate's own secrets aside (environment variables, user data), these are the false positives.
"""

import collections
import copy
import json
import re
import time
from datetime import UTC, datetime

from bench.report import report
from windlass.estate.config import EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory import observations
from windlass.inventory.catalog import BY_NAME, CATALOG
from windlass.inventory.collector import Collector
from windlass.inventory.plan import plan_scopes
from windlass.inventory.redaction import redact
from windlass_local import sample_estate
from windlass_local.server import LocalServer

RULE = re.compile(r"redacted:([a-z0-9-]+):")
WHOLESALE = {"declared", "environment", "header", "argument", "command", "option", "payload"}


def collect(estate):
    results = []
    collector = Collector(caller=estate, types=BY_NAME, salt=b"bench", now=lambda: datetime.now(UTC), concurrency=8)
    regions = {account.id: estate.regions(account.id) for account in estate.accounts()}
    collector.run(plan_scopes(CATALOG, regions), sink=results.append)
    return {(one.scope.account_id, seen.key): seen for one in results for seen in one.observations}


def differences(kept, raw, path=""):
    """(path, what is kept, what it was) of each text that redaction changed."""
    if isinstance(kept, dict):
        for key, value in kept.items():
            yield from differences(value, raw[key], f"{path}.{key}")
    elif isinstance(kept, list):
        for value, before in zip(kept, raw, strict=True):
            yield from differences(value, before, path)
    elif isinstance(kept, str) and "redacted:" in kept:
        yield path[1:], kept, raw


def texts(value):
    if isinstance(value, dict):
        return sum(texts(item) for item in value.values())
    if isinstance(value, list):
        return sum(texts(item) for item in value)
    return int(isinstance(value, str))


def cost_ms(documents, declared, rounds=5):
    """CPU milliseconds a document of `redact`, and of all else that makes an observation of it."""
    spent = []
    for _ in range(rounds):
        copies = [copy.deepcopy(document) for document in documents]
        started = time.process_time()
        for document, paths in zip(copies, declared, strict=True):
            redact(document, paths, salt=b"bench")
        spent.append((time.process_time() - started) * 1000 / len(documents))
    return min(spent)


def rest_ms(listed, rounds=3):
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        for scope, seen in listed:
            kind = BY_NAME[seen.type]
            observations.observe(kind, scope, seen.document, partition="aws", salt=b"bench")
        spent.append((time.process_time() - started) * 1000 / len(listed))
    return min(spent)


def main():
    setattr(observations, "redact", lambda document, *_, **__: document)  # noqa: B010  what it would hide is compared
    with LocalServer() as server:
        sample_estate.populate(server.url)
        with open_estate(EstateConfig(endpoint_url=server.url), {}) as estate:
            raw = collect(estate)
    found = collections.Counter()
    examples = {}
    for seen in raw.values():
        kept = redact(copy.deepcopy(seen.document), BY_NAME[seen.type].redact, salt=b"bench")
        for path, value, before in differences(kept, seen.document):
            rule = (RULE.search(value) or [None, "?"])[1]
            place = (rule, seen.type, re.sub(r"(Variables|Tags)\.[^.]+", r"\1.*", path))
            found[place] += 1
            examples[place] = before
    rows = [("rule", "type", "path", "texts", "example of what it was")]
    for (rule, kind, path), count in sorted(found.items()):
        rows.append((rule, kind, path, count, json.dumps(examples[rule, kind, path])[:60]))
    report("redaction: what is hidden on the embedded estate", rows)

    documents = [seen.document for seen in raw.values()]
    declared = [BY_NAME[seen.type].redact for seen in raw.values()]
    total = sum(map(texts, documents))
    suspect = sum(count for (rule, _, _), count in found.items() if rule not in WHOLESALE)
    redacting = cost_ms(documents, declared)
    scope = next(iter(plan_scopes(CATALOG[:1], {"111111111111": ["eu-west-1"]})))
    rest = rest_ms([(scope, seen) for seen in raw.values()])
    rows = [
        ("what", "result"),
        ("documents", len(documents)),
        ("texts in them", total),
        ("hidden by place (environments, arguments, declared paths)", sum(found.values()) - suspect),
        ("hidden by name or value", suspect),
        ("hidden by name or value, of 10,000 texts", f"{suspect / total * 10_000:.1f}"),
        ("CPU of redaction, ms a document", f"{redacting:.3f}"),
        ("CPU of the rest of an observation, ms a document", f"{rest:.3f}"),
        ("redaction of 10,000 documents, s", f"{redacting * 10:.1f}"),
    ]
    report("redaction: cost and false positives", rows)


if __name__ == "__main__":
    main()

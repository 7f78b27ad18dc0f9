from __future__ import annotations

import random
from collections import Counter
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clients.corpus import Labelled, corpus
from windlass.clients.agents import UNKNOWN, parse_agent, without_comments
from windlass.clients.model import S3RequestFacts
from windlass.clients.rules import runtime as runtime_rule
from windlass.clients.rules.sigv2 import default_signature
from windlass.clients.sdks import ALWAYS, NEVER, Sdk, end_of, runtimes, sdks

TODAY = date(2026, 11, 21)


def facts(agent: str) -> S3RequestFacts:
    return S3RequestFacts(agent, "", "", "", "", "us-east-1", "")


def verdict(agent: str) -> tuple[str, str, str, str, str]:
    """(client, version, signs, support, runtime) in the corpus's words."""
    client = parse_agent(agent).client
    sdk = sdks().get(client.id)
    end = end_of(sdk.ends, client.numbers) if sdk else None
    product = runtime_rule.judged(facts(agent))
    runtime = "-"
    if product:
        last = end_of(runtimes()[product.id].ends, product.numbers)
        runtime = "ended" if last and last.is_past(TODAY) else "ok"
    support = "-" if end is None else "ended" if end.is_past(TODAY) else "ok"
    return client.id, client.version, default_signature(facts(agent)), support, runtime


def test_no_verdict_on_the_corpus_of_real_agents_is_wrong():
    labelled = corpus()
    wrong = []
    for entry in labelled:
        said, expected = verdict(entry.text), (entry.client, entry.version, entry.signs, entry.support, entry.runtime)
        if said != expected:
            wrong.append((entry.text, said, expected))
    assert wrong == []
    assert len({entry.text for entry in labelled}) == len(labelled) >= 150


def test_the_corpus_has_every_client_that_matters_and_counts_the_unknown():
    clients = Counter(corpu.client for corpu in corpus())
    assert {"ruby", "php", "javascript", "dotnet", "powershell", "boto2", "java", "go", "aws-cli", "boto3"} <= set(
        clients
    )
    assert any("Hadoop" in corpu.text for corpu in corpus())
    assert all(corpu.origin for corpu in corpus())
    assert clients[""] == sum(parse_agent(corpu.text).client == UNKNOWN for corpu in corpus()) > 10


@pytest.mark.parametrize(
    "one", [corpu for corpu in corpus() if "," not in corpu.text][::7], ids=lambda item: item.text[:40]
)
def test_brackets_come_and_go_for_one_client(one: Labelled):
    bare = one.text.strip("[]")
    assert verdict(f"[{bare}]") == verdict(bare)


def test_tokens_in_comments_never_count():
    assert parse_agent("Thing/1.0 (like aws-sdk-java/1.4.5; Boto3/1.4.2 Botocore/1.5.19)").client == UNKNOWN
    assert parse_agent("Thing/1.0 (a (b (aws-sdk-java/1.4) c) d) aws-sdk-go/1.44.0").client.id == "go"
    assert parse_agent("Thing/1.0 (never closed aws-sdk-java/1.4.5").client == UNKNOWN


def test_botocore_decides_for_what_is_built_on_it():
    old = parse_agent("CloudCustodian(net-7)/0.9.2 Python/3.7.3 Linux/4.9 Botocore/1.5.70")
    assert (old.signer.id, default_signature(facts(old.text))) == ("botocore", "v2")
    mixed = "aws-cli/1.11.107 Python/2.7 Linux/4 botocore/1.5.71"
    assert default_signature(facts(mixed)) == "v4"  # the CLI's own boundary is for agents without botocore
    assert default_signature(facts("aws-cli/1.11.107")) == "v2"


_BOUNDED = [sdk for sdk in sdks().values() if sdk.sigv4_bound]


@pytest.mark.parametrize("sdk", _BOUNDED, ids=lambda sdk: sdk.id)
def test_each_sdk_below_at_and_above_the_first_version_that_signs_with_sigv4(sdk: Sdk):
    major, minor, patch = sdk.sigv4_bound or (0, 0, 0)
    below = (major, minor, patch - 1) if patch else (major, minor - 1, 99999) if minor else (major - 1, 99999, 99999)
    above = (major, minor, patch + 1)
    product = sdk.products[-1].rstrip("*")
    for version, expected in (
        (below, "v2"),
        ((major, minor, patch), "v4"),
        (above, "v4"),
        ((major, minor + 100, 0), "v4"),
    ):
        text = f"{product}/{'.'.join(map(str, version))}"
        assert default_signature(facts(text)) == expected, text


@pytest.mark.parametrize(
    "sdk", [sdk for sdk in sdks().values() if sdk.sigv4 in (ALWAYS, NEVER)], ids=lambda sdk: sdk.id
)
def test_sdks_that_always_or_never_sign_with_sigv4(sdk: Sdk):
    assert default_signature(facts(f"{sdk.products[0].rstrip('*')}/0.0.1")) == ("v4" if sdk.sigv4 == ALWAYS else "v2")


def test_the_version_of_the_boundaries_is_the_published_one():
    said = {sdk.id: sdk.sigv4 for sdk in sdks().values() if sdk.sigv4_bound}
    assert said == {
        "botocore": "1.5.71",
        "boto3": "1.4.6",
        "aws-cli": "1.11.108",
        "java": "1.11",
        "javascript": "2.68.0",
        "php": "3",
        "ruby": "2.2.0",
        "dotnet": "3.1.10.0",
        "powershell": "3.1.10.0",
    }


@settings(deadline=None)
@given(st.text(max_size=300))
@example("[")
@example("(" * 3000)
@example("aws-sdk-java/\ud800")
@example("aws-sdk-java/" + "9" * 5000)
def test_any_text_is_an_agent(text: str):
    agent = parse_agent(text)
    assert agent.client.id in sdks() or agent.client == UNKNOWN
    verdict(text)


def test_random_bytes_never_break_the_parser():
    rng = random.Random(7)
    pieces = [
        "aws-sdk-java",
        "Boto3",
        "/",
        "#",
        "(",
        ")",
        "[",
        "]",
        ",",
        " ",
        "1.2",
        "md/",
        "\x00",
        "ü",
        "\n",
        "lang/python",
    ]
    for _ in range(20_000):
        verdict("".join(rng.choice(pieces) for _ in range(rng.randrange(12))))


def test_comments_are_dropped_wherever_they_stand():
    assert without_comments("[Java_HotSpot(TM)_64-Bit/25 x(y)]") == "Java_HotSpot_64-Bit/25 x"

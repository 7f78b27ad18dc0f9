"""The credential policy, combination by combination, against rules written down independently of the code."""

import itertools
from dataclasses import replace

import pytest

from windlass.estate.config import EstateConfig
from windlass.estate.facts import read_facts
from windlass.estate.policy import Decision, EnvironmentFacts, decide

FLAGS = (
    "key_id",
    "secret_key",
    "session_token",
    "web_identity_file",
    "web_identity_role",
    "container_uri",
    "metadata_disabled",
    "kubernetes",
    "lambda_function",
    "cloudshell",
)
PLACES = {
    "local": {},
    "named local": {"environment": "sandbox"},
    "production": {"environment": "production", "production_like": True},
    "production, keys allowed": {"environment": "production", "production_like": True, "allow_static_keys": True},
}
COMBINATIONS = [
    EnvironmentFacts(**PLACES[place], **dict(zip(FLAGS, values, strict=True)))
    for place in PLACES
    for values in itertools.product((False, True), repeat=len(FLAGS))
]
FILES = {"shared-credentials-file", "config-file", "sso", "custom-process", "assume-role", "login"}


def expected(facts: EnvironmentFacts) -> tuple[str, ...] | None:
    """The methods the specification's table allows, in order; None for a refusal. Written from the spec, not the code."""
    whole = facts.key_id and facts.secret_key
    if facts.lambda_function:
        if whole and facts.session_token:
            return ("env",)
        return ("container-role",) if facts.container_uri else None
    if not facts.production_like:
        if whole or facts.key_id or facts.secret_key:
            return ("env",) if whole else None
        return ("container-role",) if facts.cloudshell and facts.container_uri else None
    if facts.web_identity_file and not facts.web_identity_role:
        return None
    if (facts.key_id or facts.secret_key) and not facts.allow_static_keys:
        return None
    found = []
    if facts.web_identity_file:
        found.append("assume-role-with-web-identity")
    if facts.container_uri:
        found.append("container-role")
    if not facts.kubernetes and not facts.metadata_disabled:
        found.append("iam-role")
    if whole:
        found.append("env")
    return tuple(found) or None


def test_there_are_enough_combinations():
    assert len(COMBINATIONS) >= 2000


@pytest.mark.parametrize("place", PLACES)
def test_every_combination_is_decided_as_the_table_says(place):
    mine = [
        facts for facts in COMBINATIONS if all(getattr(facts, name) == value for name, value in PLACES[place].items())
    ]
    for facts in mine:
        decision = decide(facts)
        assert (decision.methods or None) == expected(facts), facts
        assert bool(decision.refusal) == (expected(facts) is None), facts
        assert not decision.refusal or decision.hint, facts


def test_invariants_hold_everywhere():
    for facts in COMBINATIONS:
        decision = decide(facts)
        assert not FILES & set(decision.methods), f"files under ~/.aws without a named profile: {facts}"
        if facts.kubernetes:
            assert "iam-role" not in decision.methods, f"the node's role: {facts}"
        if not facts.production_like and not facts.lambda_function and not facts.cloudshell:
            assert set(decision.methods) <= {"env"}, f"ambient role on a laptop: {facts}"
        used = [source for source in decision.sources if source.verdict == "used"]
        assert len(used) == (1 if decision.methods else 0), f"a refusal uses nothing: {facts}"
        assert decision.methods or not any(source.verdict == "allowed" for source in decision.sources), facts
        assert all(source.reason for source in decision.sources), facts


@pytest.mark.parametrize("facts", COMBINATIONS[::37])
def test_a_named_profile_is_the_only_source(facts):
    decision = decide(replace(facts, profile="me"))
    assert decision.profile == "me"
    assert "env" not in decision.methods
    assert "iam-role" not in decision.methods
    assert not decision.refusal


@pytest.mark.parametrize("facts", COMBINATIONS[::41])
def test_the_embedded_aws_never_sees_real_keys(facts):
    decision = decide(replace(facts, embedded=True, files_present=True))
    assert decision.embedded
    assert decision.methods == ()
    assert {source.verdict for source in decision.sources} <= {"refused", "absent"}


def refused(**facts) -> Decision:
    decision = decide(EnvironmentFacts(**facts))
    assert decision.refusal
    assert not decision.methods
    return decision


def test_trap_an_endpoint_variable_is_refused_or_opted_in():
    assert "AWS_ENDPOINT_URL" in refused(key_id=True, secret_key=True, endpoint_variable=True).refusal
    allowed = decide(
        EnvironmentFacts(key_id=True, secret_key=True, endpoint_variable=True, allow_endpoint_override=True)
    )
    assert allowed.methods == ("env",)


def test_trap_static_keys_in_production_name_the_way_out():
    decision = refused(
        environment="production",
        production_like=True,
        key_id=True,
        secret_key=True,
        web_identity_file=True,
        web_identity_role=True,
    )
    assert "allow_static_keys" in decision.hint


def test_trap_the_node_role_is_refused_in_kubernetes_and_says_so():
    decision = refused(environment="production", production_like=True, kubernetes=True)
    assert "node's role" in decision.hint
    metadata = next(source for source in decision.sources if source.name == "instance metadata")
    assert metadata.verdict == "refused"
    assert "node's role" in metadata.reason


def test_trap_pod_identity_wins_over_a_baked_in_credentials_file():
    facts = EnvironmentFacts(
        environment="production", production_like=True, kubernetes=True, container_uri=True, files_present=True
    )
    assert decide(facts).methods == ("container-role",)


def test_trap_a_token_file_without_a_role():
    assert "AWS_ROLE_ARN" in refused(environment="staging", production_like=True, web_identity_file=True).refusal


def test_trap_half_a_key_pair_names_the_missing_half():
    assert "AWS_SECRET_ACCESS_KEY is missing" in refused(key_id=True).refusal
    assert "AWS_ACCESS_KEY_ID is missing" in refused(secret_key=True).refusal


def test_trap_aws_profile_in_the_environment_is_not_a_choice():
    decision = refused(profile_variable=True, files_present=True)
    profile = next(source for source in decision.sources if source.name == "profile")
    assert profile.verdict == "refused"
    assert "files under ~/.aws" in decision.refusal


def test_trap_snapstart_gives_its_role_by_the_container_endpoint():
    decision = decide(
        EnvironmentFacts(environment="production", production_like=True, lambda_function=True, container_uri=True)
    )
    assert decision.methods == ("container-role",)
    assert "SnapStart" in refused(lambda_function=True).refusal


def test_trap_cloudshell_is_no_cluster():
    facts = read_facts(
        EstateConfig(),
        {"AWS_EXECUTION_ENV": "CloudShell", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost:1338/latest"},
    )
    assert decide(facts).methods == ("container-role",)
    typed = decide(replace(facts, key_id=True, secret_key=True))
    assert typed.methods == ("env",), "keys that somebody typed out come first"
    assert not decide(replace(facts, cloudshell=False)).methods, "an ambient container role on a laptop stays refused"


def test_trap_a_refused_whole_uses_nothing_of_what_it_explains():
    decision = refused(environment="production", production_like=True, key_id=True, secret_key=True, container_uri=True)
    verdicts = {source.name: source.verdict for source in decision.sources}
    assert verdicts["container / Pod Identity"] == "refused"
    assert verdicts["instance metadata"] == "refused"


def test_trap_lambda_keys_come_with_a_session_token_only_there():
    assert decide(EnvironmentFacts(lambda_function=True, key_id=True, secret_key=True, session_token=True)).methods == (
        "env",
    )
    assert "execution role" in refused(lambda_function=True, key_id=True, secret_key=True).hint

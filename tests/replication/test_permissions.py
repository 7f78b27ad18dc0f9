"""Who may do what, judged with three values: what depends on things that are not known here is never called allowed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replication.test_preflight import INTENT, good
from windlass.core.errors import UsageError
from windlass.core.iam import document, evaluate, missing, uncertain
from windlass.replication.model import BucketRef, Method, Operation, Pair
from windlass.replication.planning.facts import KeyFacts
from windlass.replication.planning.pairs import check_aliases
from windlass.replication.planning.preflight import Intent, check
from windlass.replication.service import PairSelection

KEY = "arn:aws:kms:eu-west-1:111111111111:key/k"
ROLE = "arn:aws:iam::111111111111:role/copier"
OBJECTS = "arn:aws:s3:::logs/*"
DIRECT = Intent(operation=Operation.COPY, method=Method.DIRECT)


def statement(effect="Allow", **more):
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": OBJECTS, **more}


CASES = {
    "plain": ([statement()], True),
    "nothing": ([], False),
    "NotAction spares it": ([{"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}], False),
    "NotAction has it": ([{"Effect": "Allow", "NotAction": "s3:Delete*", "Resource": "*"}], True),
    "NotAction denies it": ([statement(), {"Effect": "Deny", "NotAction": "s3:Put*", "Resource": "*"}], False),
    "NotResource denies it": (
        [statement(), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::x/*"}],
        False,
    ),
    "NotPrincipal denies it": (
        [statement(Principal="*"), statement("Deny", NotPrincipal={"AWS": "222222222222"})],
        False,
    ),
    "NotPrincipal spares it": ([statement(Principal="*"), statement("Deny", NotPrincipal={"AWS": ROLE})], True),
    "an allow on a condition": ([statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], None),
    "a deny on a condition": (
        [statement(), statement("Deny", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})],
        None,
    ),
    "a deny on what is known not to hold": (
        [statement(), statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})],
        True,
    ),
    "a variable": ([statement(Condition={"StringLike": {"s3:prefix": "${aws:username}"}})], None),
    "a condition beside a plain allow": ([statement(), statement(Condition={"Null": {"x": "true"}})], True),
}


@pytest.mark.parametrize("name", CASES)
def test_policies_are_judged_with_three_values(name):
    statements, answer = CASES[name]
    principal = ROLE if any("rincipal" in key for statement in statements for key in statement) else ""
    if principal:
        statements = [
            {"Principal": "*", **statement} if "NotPrincipal" not in statement else statement
            for statement in statements
        ]
    needed = [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": OBJECTS}]
    policies = [document(statements)]
    assert bool(missing(policies, needed, principal)) == (answer is False)
    assert bool(uncertain(policies, needed, principal)) == (answer is None)


EFFECTS = st.sampled_from(["Allow", "Deny"])
FORMS = st.sampled_from(["Action", "NotAction"])
ACTIONS = st.sampled_from(["s3:GetObject", "s3:Get*", "*", "s3:PutObject"])
CONDITIONS = st.sampled_from([{}, {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}])


@given(st.lists(st.tuples(EFFECTS, FORMS, ACTIONS, CONDITIONS), max_size=4), st.booleans())
def test_the_answer_holds_for_all_values_of_unknown_conditions(shapes, holds):
    """Allowed or not: it stays so when each condition is taken as met, and as not met. Only unknown may become either."""
    statements = [{"Effect": effect, form: action, "Resource": "*", **more} for effect, form, action, more in shapes]
    answer = evaluate([document(statements)], "s3:GetObject", "arn:aws:s3:::logs/k")
    decided = [
        {name: value for name, value in statement.items() if name != "Condition"}
        for statement in statements
        if holds or "Condition" not in statement
    ]
    certain = evaluate([document(decided)], "s3:GetObject", "arn:aws:s3:::logs/k")
    assert certain is not None
    assert answer in (certain, None)


def found(facts, intent):
    return {(entry.level, entry.code, entry.where) for entry in check(facts, intent)}


def test_a_lifecycle_finding_names_the_bucket_that_has_the_rule():
    facts = replace(good(), destination=replace(good().destination, expires=True))
    assert ("warning", "Lifecycle", "logs-replica") in found(facts, INTENT)
    assert not [entry for entry in found(facts, INTENT) if entry[1:] == ("Lifecycle", "logs")]


def test_object_lock_of_the_source_is_a_finding_when_copies_lose_it():
    assert ("warning", "SrcObjectLock", "logs") in found(good(), DIRECT)
    assert not [entry for entry in check(good(), INTENT) if entry.code == "SrcObjectLock"]


def with_key(policy):
    return replace(good(), source=replace(good().source, key=KeyFacts(KEY, "Enabled", policy)))


def test_a_key_policy_that_leaves_the_role_out_is_found():
    only = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:role/admin"},
        "Action": "kms:*",
        "Resource": "*",
    }
    root = only | {"Principal": {"AWS": "arn:aws:iam::111111111111:root"}}
    (one,) = [entry for entry in check(with_key(document([only])), INTENT) if entry.where == "key policy of k"]
    assert (one.level, one.code) == ("error", "SrcGetObjectNotPermitted")
    assert good().replication_role.arn in one.fix.text
    assert not [entry for entry in check(with_key(document([root])), INTENT) if "key policy" in entry.where]
    # Which identity of the account copies directly, nobody knows here: it may be the administrator's.
    (one,) = [entry for entry in check(with_key(document([only])), DIRECT) if "key policy" in entry.where]
    assert (one.level, one.code) == ("warning", "PolicyUnknown")


def test_two_names_of_one_bucket_are_no_pair():
    def checked(left, right, name="b"):
        pair = Pair(source=BucketRef(bucket="a", service="one"), destination=BucketRef(bucket=name, service="two"))
        check_aliases([pair], {"one": left, "two": right, "": ""})

    with pytest.raises(UsageError, match="one:a and two:a are the same bucket"):
        checked("minio:9000", "minio:9000", "a")
    with pytest.raises(UsageError, match="are the same bucket"):
        checked("s3.eu-west-1.amazonaws.com", "s3.amazonaws.com", "a")
    checked("minio:9000", "minio:9001", "a")
    checked("minio:9000", "minio:9000", "b")
    aws = Pair(source=BucketRef(bucket="a"), destination=BucketRef(bucket="a", service="two"))
    with pytest.raises(UsageError, match="are the same bucket"):
        check_aliases([aws], {"two": "s3.eu-west-1.amazonaws.com", "": ""})
    check_aliases([aws], {"two": "minio:9000", "": ""})


def test_copies_between_accounts_are_asked_for_as_the_account_that_makes_them(seed_app, buckets_of, account):
    """Without a bucket policy every copy would be refused: preflight says so with the policy, and with it the seed works."""
    import json

    from tests.replication.direct.local import copy_pair
    from windlass.replication.planning.request import SeedRequest

    other = "999999999997"
    app = seed_app(accounts=(account, other))
    buckets = buckets_of(app)
    source = buckets.make("mine", "us-east-1", versioned=False)
    target = buckets.make("theirs", "eu-west-1", versioned=False, account=other)
    buckets.fill(source, 3)
    pairs = app.replication.pairs(PairSelection(source=source, destination=target))
    request = SeedRequest(operation=Operation.COPY, method=Method.DIRECT)
    (plan,) = app.replication.plan(pairs, request)
    (one,) = [finding for finding in plan.findings if finding.level == "error"]
    assert (one.code, one.where) == ("AccessDenied", source)
    assert other in one.message
    assert "GetObject" in one.message
    assert plan.error is not None
    buckets.call("us-east-1", "PutBucketPolicy", Bucket=source, Policy=json.dumps(dict(one.fix.after)))
    (plan,) = app.replication.plan(pairs, request)
    assert plan.error is None
    moved = copy_pair(app.replication.direct, plan.pair)
    assert (moved.copied, moved.failed) == (3, 0), moved.failures


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("arn:aws:s3:us-east-1:111111111111:accesspoint/mine", "accesspoint/mine of s3 is not a bucket"),
        ("arn:aws:s3express:us-east-1:111111111111:bucket/b--use1-az4--x-s3", "not a bucket"),
        ("s3://b--use1-az4--x-s3/prefix", "directory bucket"),
        ("mine-abcdef-s3alias", "alias of an access point"),
    ],
)
def test_what_is_no_general_purpose_bucket_is_refused_with_the_reason(text, reason):
    from windlass.replication.planning.pairs import parse_place

    with pytest.raises(UsageError, match=reason):
        parse_place(text)


def test_keys_are_used_through_the_service_of_their_partition():
    from windlass.replication.setup.role import Encryption, replication_statements

    def via(region):
        places = [BucketRef(bucket=name, account_id="111111111111", region=region) for name in ("a", "b")]
        pair = Pair(source=places[0], destination=places[1])
        result = replication_statements(pair, encryption=Encryption(KEY, ""))
        return [entry["Condition"]["StringLike"]["kms:ViaService"] for entry in result if "Condition" in entry]

    assert via("eu-west-1") == [["s3.eu-west-1.amazonaws.com"]]
    assert via("cn-north-1") == [["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"]]
    assert via("us-gov-west-1") == [["s3.us-gov-west-1.amazonaws.com"]]
    assert via("us-isob-east-1") == [["s3.us-isob-east-1.amazonaws.com", "s3.us-isob-east-1.sc2s.sgov.gov"]]


def test_a_bucket_whose_requester_pays_needs_consent():
    facts = replace(
        good(),
        source=replace(good().source, requester_pays=True, account_id="222222222222"),
        pair=replace(good().pair, source=replace(good().pair.source, account_id="222222222222")),
    )
    assert ("error", "RequesterPays", "logs") in found(facts, DIRECT)
    assert ("warning", "RequesterPays", "logs") in found(facts, replace(DIRECT, request_payer=True))

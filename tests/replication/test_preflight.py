"""Preflight: every cause it claims to foresee is foreseen, from facts alone; what is well is left in peace."""

from dataclasses import replace

import pytest

from windlass.core.errors import AccessDenied, Conflict, NotFound, UsageError
from windlass.core.iam import allows, document, missing, trusts
from windlass.replication.failures import replication_codes
from windlass.replication.model import Attribute, BucketRef, Method, Operation, Pair, Volume
from windlass.replication.planning.facts import BucketFacts, KeyFacts, PairFacts, RoleFacts
from windlass.replication.planning.preflight import Intent, check, refusal
from windlass.replication.setup.role import (
    BATCH_SERVICE,
    REPLICATION_SERVICE,
    Encryption,
    RoleScope,
    batch_statements,
    replication_statements,
    trust_statement,
)

KEY = "arn:aws:kms:eu-west-1:111111111111:key/k"
SOURCE = BucketRef(bucket="logs", account_id="111111111111", region="us-east-1")
TARGET = BucketRef(bucket="logs-replica", account_id="111111111111", region="eu-west-1")
PAIR = Pair(source=SOURCE, destination=TARGET)
RULE = {
    "Status": "Enabled",
    "Priority": 1,
    "Filter": {"Prefix": ""},
    "Destination": {"Bucket": TARGET.arn},
    "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
}
WORK = RoleScope(operation=Operation.REPLICATE, report_bucket="logs", report_prefix="w/", generated=True)
ENCRYPTION = Encryption(KEY, KEY)


def role(service, statements):
    return RoleFacts(
        arn=f"arn:aws:iam::111111111111:role/{service[:5]}",
        trust=document([trust_statement(service)]),
        policies=(document(statements),),
    )


def good():
    """A pair with nothing wrong: replication on, KMS and Object Lock on both sides, roles with exactly what they need."""
    bucket = BucketFacts(
        bucket="logs",
        account_id="111111111111",
        region="us-east-1",
        versioning="Enabled",
        key=KeyFacts(KEY, "Enabled"),
        locked=True,
        rules=(RULE,),
        replication_role="r",
    )
    target = replace(bucket, bucket="logs-replica", region="eu-west-1", rules=())
    return PairFacts(
        pair=PAIR,
        source=bucket,
        destination=target,
        replication_role=role(
            REPLICATION_SERVICE, replication_statements(PAIR, encryption=ENCRYPTION, locked=True, delete_markers=True)
        ),
        batch_role=role(BATCH_SERVICE, batch_statements(PAIR, WORK)),
    )


INTENT = Intent(operation=Operation.REPLICATE, work=WORK, delete_markers=True, switch_on=False)


def codes(facts, intent=INTENT):
    return {entry.code for entry in check(facts, intent)}


def without(facts, *actions):
    """The facts with these actions taken from the replication role's policy."""
    held = facts.replication_role
    statements = [
        {**entry, "Action": [name for name in entry["Action"] if name not in actions]}
        for entry in held.policies[0]["Statement"]
    ]
    return replace(facts, replication_role=replace(held, policies=(document(statements),)))


def test_a_pair_in_order_has_no_finding():
    assert check(good(), INTENT) == ()
    assert refusal(good(), ()) is None


def bad_side(side, **changes):
    return lambda facts: replace(facts, **{side: replace(getattr(facts, side), **changes)})


CAUSES = {
    "AssumeRoleNotPermitted": bad_side("batch_role", trust={}),
    "DstBucketInvalidRegion": bad_side("destination", region="eu-central-1"),
    "SrcBucketInvalidRegion": bad_side("source", region="eu-central-1"),
    "DstBucketNotFound": bad_side("destination", exists=False),
    "SrcBucketNotFound": bad_side("source", exists=False),
    "DstBucketObjectLockConfigMissing": bad_side("destination", locked=False),
    "DstBucketUnversioned": bad_side("destination", versioning="Suspended"),
    "DstKmsKeyInvalidState": bad_side("destination", key=KeyFacts(KEY, "PendingDeletion")),
    "DstKmsKeyNotFound": bad_side("destination", key=KeyFacts(KEY, "Missing")),
    "SrcKmsKeyInvalidState": bad_side("source", key=KeyFacts(KEY, "Disabled")),
    "SrcBucketReplicationConfigMissing": bad_side("source", rules=()),
    "SrcObjectNotEligible": bad_side("source", rules=({**RULE, "Filter": {"Prefix": "only/"}},)),
    "InitiateReplicationNotPermitted": bad_side("batch_role", policies=()),
    "DstDelObjNotPermitted": lambda facts: without(facts, "s3:ReplicateDelete"),
    "DstPutTaggingNotPermitted": lambda facts: without(facts, "s3:ReplicateTags"),
    "DstPutLegalHoldNotPermitted": lambda facts: without(facts, "s3:PutObjectLegalHold"),
    "DstPutRetentionNotPermitted": lambda facts: without(facts, "s3:PutObjectRetention"),
    "SrcGetAclNotPermitted": lambda facts: without(facts, "s3:GetObjectVersionAcl"),
    "SrcGetLegalHoldNotPermitted": lambda facts: without(facts, "s3:GetObjectLegalHold"),
    "SrcGetRetentionNotPermitted": lambda facts: without(facts, "s3:GetObjectRetention"),
    "SrcGetTaggingNotPermitted": lambda facts: without(facts, "s3:GetObjectVersionTagging"),
    **dict.fromkeys(
        ("SrcGetObjectNotPermitted", "SrcHeadObjectNotPermitted"),
        lambda facts: without(facts, "s3:GetObjectVersionForReplication"),
    ),
    **dict.fromkeys(
        (
            "DstPutObjectNotPermitted",
            "DstPutAclNotPermitted",
            "DstMultipartInitNotPermitted",
            "DstMultipartUploadNotPermitted",
            "DstMultipartCompleteNotPermitted",
        ),
        lambda facts: without(facts, "s3:ReplicateObject"),
    ),
}


def test_all_that_is_called_predicted_has_a_cause_here():
    assert {replication_code.code for replication_code in replication_codes() if replication_code.predicted} == set(
        CAUSES
    )


@pytest.mark.parametrize("code", CAUSES)
def test_the_cause_is_seen(code):
    assert code in codes(CAUSES[code](good()))


def test_a_fix_shows_what_to_add_and_adding_it_helps():
    facts = without(good(), "s3:ReplicateTags")
    (finding,) = check(facts, INTENT)
    assert "+" in finding.fix.text
    assert "s3:ReplicateTags" in finding.fix.text
    mended = replace(facts.replication_role, policies=(*facts.replication_role.policies, finding.fix.after))
    assert check(replace(facts, replication_role=mended), INTENT) == ()


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (CAUSES["SrcBucketNotFound"], NotFound),
        (CAUSES["DstBucketUnversioned"], Conflict),
        (CAUSES["DstPutObjectNotPermitted"], AccessDenied),
        (bad_side("destination", region="cn-north-1"), UsageError),
        (bad_side("destination", bucket="logs"), UsageError),
        (bad_side("source", refused={"ListObjectsV2": "AccessDenied"}), AccessDenied),
    ],
)
def test_one_clear_error(facts, kind):
    result = facts(good())
    error = refusal(result, check(result, INTENT))
    assert type(error) is kind
    assert error.hint


def test_another_accounts_bucket_must_agree():
    elsewhere = replace(good().destination, account_id="", policy=None)
    facts = replace(good(), destination=elsewhere)
    finding = next(entry for entry in check(facts, INTENT) if entry.where == "logs-replica")
    assert finding.code == "DstPutObjectNotPermitted"
    agreed = replace(facts, destination=replace(elsewhere, policy=finding.fix.after))
    assert [entry for entry in check(agreed, INTENT) if entry.where == "logs-replica"] == []


def test_copies_need_no_versioning():
    facts = replace(good(), source=replace(good().source, versioning=""), batch_role=None)
    assert codes(facts, Intent(operation=Operation.COPY, method=Method.DIRECT)) == {"SrcObjectLock"}


def test_glacier_is_a_warning():
    intent = replace(INTENT, volume=Volume(objects=5, size_bytes=5, archived=2))
    (finding,) = check(good(), intent)
    assert (finding.level, finding.code) == ("warning", "SrcObjectNotEligible")
    assert refusal(good(), (finding,)) is None
    assert "does not replicate objects of these storage classes" in finding.message
    copies = [entry for entry in check(good(), replace(intent, operation=Operation.COPY)) if entry.code == finding.code]
    assert ["only restored ones can be read" in copy.message for copy in copies] == [True]


def test_batch_copies_of_versions_say_that_their_order_is_not_kept():
    def codes(method):
        return {entry.code for entry in check(good(), Intent(operation=Operation.COPY, method=method, versions=True))}

    assert "VersionOrder" in codes(Method.BATCH)
    assert "VersionOrder" not in codes(Method.DIRECT)


def test_policies_are_read_as_iam_reads_them():
    held = [
        {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::a/*"}},
        {"Statement": [{"Effect": "Deny", "Action": "s3:GetObjectAcl", "Resource": "*"}]},
    ]
    assert allows(held, "s3:getobject", "arn:aws:s3:::a/x")
    assert not allows(held, "s3:GetObjectAcl", "arn:aws:s3:::a/x")
    assert not allows(held, "s3:GetObject", "arn:aws:s3:::A/x")
    (missing_versions,) = missing(
        held, [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::a/*"}]
    )
    assert missing_versions["Action"] == ["s3:PutObject"]
    assert not trusts({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}, "s3")


def copies(**more):
    return Intent(operation=Operation.COPY, method=Method.DIRECT, switch_on=False, **more)


def test_copies_of_versions_need_a_destination_that_keeps_them():
    facts = replace(good(), source=replace(good().source, rules=()))
    off = replace(facts, destination=replace(facts.destination, versioning="Suspended"))
    assert "DstBucketUnversioned" not in codes(facts, copies(versions=True))
    assert "DstBucketUnversioned" in codes(off, copies(versions=True))
    assert "DstBucketUnversioned" not in codes(off, copies())
    assert isinstance(refusal(off, check(off, copies(versions=True))), Conflict)
    # Older versions come on top of what replication brings meanwhile: that is told, and no reason to stop.
    (warned,) = [entry for entry in check(good(), copies(versions=True)) if entry.code == "SrcBucketReplicating"]
    assert warned.level == "warning"


@pytest.mark.parametrize(
    ("carried", "without", "code"),
    [
        (Attribute.ACL, {"ownership": "BucketOwnerEnforced"}, "AccessControlListNotSupported"),
        (Attribute.LOCK, {"locked": False}, "DstBucketObjectLockConfigMissing"),
    ],
)
def test_what_copies_shall_carry_the_destination_must_take(carried, without, code):
    facts = replace(good(), destination=replace(good().destination, ownership="ObjectWriter"))
    missing_versions = replace(facts, destination=replace(facts.destination, **without))
    assert code not in codes(facts, copies(preserve=frozenset({carried})))
    assert code in codes(missing_versions, copies(preserve=frozenset({carried})))
    assert code not in codes(missing_versions, copies(preserve=frozenset({Attribute.REDIRECT})))
    # A stranger's bucket does not say; S3 does, of each object.
    stranger = replace(missing_versions, destination=replace(missing_versions.destination, account_id=""))
    assert code not in codes(stranger, copies(preserve=frozenset({carried})))

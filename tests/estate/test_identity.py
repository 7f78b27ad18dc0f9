"""Whose credentials make a call: over all ways to configure accounts, no call is made with another account's."""

import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.estate.aws_identities import Identities
from tests.examples import examples
from windlass.core.errors import AccessDenied, WindlassError
from windlass.estate import sessions
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate

ONE, TWO, THREE = IDS = ("111111111111", "222222222222", "333333333333")
REGION = "eu-west-1"


@pytest.fixture(scope="module")
def aws():
    with Identities() as world:
        yield world


@pytest.fixture(autouse=True)
def _open_world(aws):
    aws.organization, aws.refuse = IDS, lambda call: ""
    aws.taken()


def estate_of(aws, caller, monkeypatch, **config):
    for name, value in aws.environ(caller).items():
        monkeypatch.setenv(name, value)
    return open_estate(EstateConfig(allow_endpoint_override=True, home_region=REGION, **config), os.environ)


def roles(account_id):
    """Every way to name a role: none, a name, its ARN, and the ARN of each other account."""
    return st.sampled_from(["", "Reader", *(f"arn:aws:iam::{owner}:role/Reader" for owner in IDS)]).map(
        lambda role: AccountConfig(id=account_id, role=role)
    )


ACCOUNTS = st.lists(st.sampled_from(IDS), unique=True).flatmap(
    lambda ids: st.tuples(*(roles(identifier) for identifier in ids))
)

DOORS = {
    "call": lambda estate, account: estate.call(account, REGION, "sqs", "ListQueues"),
    "pages": lambda estate, account: list(estate.pages(account, REGION, "sqs", "ListQueues")),
    "client": lambda estate, account: estate.client(account, REGION, "sqs").list_queues(),
    "direct": lambda estate, account: _direct(estate, account),
    "regions": lambda estate, account: estate.region_list(account),
}


def _direct(estate, account):
    direct = estate.direct(account, REGION, "sqs", read_timeout_s=30, connections=1)
    direct.call("ListQueues")
    direct.close()


@settings(max_examples=examples(25))
@given(
    caller=st.sampled_from(IDS),
    accounts=ACCOUNTS,
    organization=st.booleans(),
    organization_role=st.sampled_from(["", "Reader"]),
    allowed=st.lists(st.sampled_from(IDS), unique=True),
    embedded=st.booleans(),
    wanted=st.sampled_from(IDS),
    door=st.sampled_from(sorted(DOORS)),
)
def test_no_call_is_made_with_credentials_of_another_account(
    aws, caller, accounts, organization, organization_role, allowed, embedded, wanted, door
):
    aws.taken()
    config = EstateConfig(
        accounts=list(accounts),
        organization=organization,
        organization_role=organization_role,
        allowed_accounts=allowed,
        home_region=REGION,
        **({"endpoint_url": aws.url} if embedded else {"allow_endpoint_override": True}),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ({} if embedded else aws.environ(caller)).items():
            patch.setenv(name, value)
        with open_estate(config, os.environ) as estate:
            reached = []
            with contextlib.suppress(WindlassError):
                DOORS[door](estate, wanted)
                reached.append(wanted)
            with contextlib.suppress(WindlassError):
                assert estate.access(wanted, REGION, "sqs").keys().access_key.endswith(wanted)
    for call in aws.taken():
        if call.action == "GetCallerIdentity":
            continue  # asks whose credentials these are; it needs no permission and changes nothing
        assert not allowed or call.account in allowed, f"{call} with credentials outside estate.allowed_accounts"
        if call.service in ("sqs", "ec2", "account"):
            assert call.account == wanted, f"{call} was meant for {wanted}"
    if not organization and not embedded and wanted == caller and not accounts and (not allowed or wanted in allowed):
        assert reached == [wanted], "the caller's own account is always reached"


def test_the_configured_id_of_another_account_is_refused_with_both_ids(aws, monkeypatch):
    with estate_of(aws, ONE, monkeypatch, accounts=[AccountConfig(id=TWO)], allowed_accounts=[]) as estate:
        with pytest.raises(AccessDenied, match=f"account {TWO}: the credentials belong to account {ONE}") as caught:
            estate.call(TWO, REGION, "sqs", "ListQueues")
        assert "role" in caught.value.hint
        assert caught.value.code == "AccountMismatch"
        with pytest.raises(AccessDenied, match="belong to account"):
            estate.access(TWO, REGION, "s3")
        [identity] = estate.whoami().identities
    assert TWO in identity.error
    assert ONE in identity.error
    assert [call.action for call in aws.taken()] == ["GetCallerIdentity"]


def test_an_organization_without_a_role_reaches_the_callers_account_alone(aws, monkeypatch):
    with estate_of(aws, ONE, monkeypatch, organization=True) as estate:
        assert [account.id for account in estate.accounts()] == list(IDS)
        estate.call(ONE, REGION, "sqs", "ListQueues")
        with pytest.raises(AccessDenied, match=f"{TWO}.*{ONE}") as caught:
            estate.call(TWO, REGION, "sqs", "ListQueues")
    assert "estate.organization_role" in caught.value.hint
    assert {call.account for call in aws.taken() if call.service == "sqs"} == {ONE}


def test_a_role_of_a_third_account_is_refused_before_it_is_assumed(aws, monkeypatch):
    account = AccountConfig(id=TWO, role=f"arn:aws:iam::{THREE}:role/Reader")
    with (
        estate_of(aws, ONE, monkeypatch, accounts=[account]) as estate,
        pytest.raises(AccessDenied, match=f"{TWO}.*{THREE}"),
    ):
        estate.call(TWO, REGION, "sqs", "ListQueues")
    assert aws.taken() == []


def test_a_caller_outside_the_guard_rail_assumes_nothing(aws, monkeypatch):
    account = AccountConfig(id=TWO, role="Reader")
    with (
        estate_of(aws, ONE, monkeypatch, accounts=[account], allowed_accounts=[TWO]) as estate,
        pytest.raises(AccessDenied, match=f"account {ONE} is not in estate.allowed_accounts"),
    ):
        estate.call(TWO, REGION, "sqs", "ListQueues")
    assert [call.action for call in aws.taken()] == ["GetCallerIdentity"]


def test_accounts_of_an_organization_outside_the_guard_rail_are_left_out(aws, monkeypatch):
    notes = []
    for name, value in aws.environ(ONE).items():
        monkeypatch.setenv(name, value)
    config = EstateConfig(
        allow_endpoint_override=True,
        home_region=REGION,
        organization=True,
        organization_role="Reader",
        allowed_accounts=[ONE, THREE],
    )
    with open_estate(config, os.environ, notify=notes.append) as estate:
        assert [account.id for account in estate.accounts()] == [ONE, THREE]
    assert any("1 accounts of the organization are outside" in note for note in notes)


def test_the_identity_is_asked_once_for_all_calls_of_an_account(aws, monkeypatch):
    with estate_of(aws, ONE, monkeypatch, accounts=[AccountConfig(id=TWO, role="Reader")]) as estate:
        for _ in range(3):
            estate.call(TWO, REGION, "sqs", "ListQueues")
            estate.call(TWO, "us-east-1", "sqs", "ListQueues")
    actions = [call.action for call in aws.taken()]
    assert actions == ["GetCallerIdentity", "AssumeRole", "GetCallerIdentity", *["ListQueues"] * 6]


def test_a_refused_role_is_told_apart_kept_for_a_while_and_then_tried_again(aws, monkeypatch, caplog):
    now = [0.0]
    aws.refuse = lambda call: "AccessDenied" if call.action == "AssumeRole" else ""
    with estate_of(
        aws, ONE, monkeypatch, accounts=[AccountConfig(id=TWO, role="Reader", external_id="shared")]
    ) as estate:
        estate._sessions._clock = lambda: now[0]
        for _ in range(3):
            with pytest.raises(AccessDenied, match="may not assume arn:aws:iam::222222222222:role/Reader") as caught:
                estate.call(TWO, REGION, "sqs", "ListQueues")
            assert "trust policy" in caught.value.hint
            assert f"arn:aws:iam::{ONE}:user/somebody" in caught.value.message
        assert [call.action for call in aws.taken()].count("AssumeRole") == 1, "a refusal is not repeated per scope"
        aws.refuse, now[0] = lambda call: "", sessions.FAILURE_KEPT_S + 1
        estate.call(TWO, REGION, "sqs", "ListQueues")
    assert "Traceback" not in caplog.text
    assert not caplog.records, "botocore's own warning and traceback stay out of the terminal"

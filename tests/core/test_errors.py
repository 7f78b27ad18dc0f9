"""Errors as values: context makes a copy, and the one that was raised first stays as it was."""

import pytest

from windlass.core.errors import AccessDenied, ConfigError, Conflict, NotFound, Throttled
from windlass.pipelines.model import Reason, Rejected
from windlass.wire.errors import BadResponse


@pytest.mark.parametrize("kind", [AccessDenied, ConfigError, Conflict, NotFound, Throttled, BadResponse])
def test_context_makes_a_copy_of_the_same_kind(kind):
    original = kind("the bucket is locked", hint="Unlock it.", code="Locked")
    copied = original.with_context(prefix="s3 PutObject: ", suffix="; and 2 more")
    assert type(copied) is kind
    assert (str(copied), copied.hint, copied.code) == (
        "s3 PutObject: the bucket is locked; and 2 more",
        "Unlock it.",
        "Locked",
    )
    assert copied.args == (copied.message,)
    assert (str(original), original.args) == ("the bucket is locked", ("the bucket is locked",))


def test_context_keeps_what_a_subclass_adds():
    original = Rejected(Reason.COLLISION, "another object is there", hint="Remove it.")
    copied = original.with_context(prefix="out/a: ")
    assert (copied.reason, copied.message) == (Reason.COLLISION, "out/a: another object is there")


def test_a_hint_replaces_the_hint():
    original = NotFound("no such queue", hint="Create it.")
    assert original.with_context(hint="Name another.").hint == "Name another."
    assert original.hint == "Create it."

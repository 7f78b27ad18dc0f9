"""The id of a new organization account can be chosen.

Upstream: CreateAccount invents an id.
AWS: AWS invents one, too. Here an e-mail `<id>@…` chooses it, because an account of the embedded AWS is reached by
its id.
Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
Offered upstream: no, it is no behaviour of AWS.
"""

from __future__ import annotations

import re

from moto.organizations.models import FakeAccount

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = ("moto.organizations.models.FakeAccount.__init__",)

_CHOSEN = re.compile(r"^(\d{12})@")


def apply() -> None:
    """Patch moto's accounts."""
    original = FakeAccount.__init__

    def choose_id(self: FakeAccount, organization: object, **kwargs: str) -> None:
        original(self, organization, **kwargs)
        chosen = _CHOSEN.match(kwargs.get("Email", ""))
        if chosen:
            self.id = chosen[1]

    FakeAccount.__init__ = choose_id

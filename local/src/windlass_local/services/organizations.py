"""Organizations: moto's, with account ids that can be chosen: `<id>@…` as the e-mail makes the account of that id.

The embedded AWS's accounts are reached by their ids; an organization of invented ones would lead nowhere.
"""

from __future__ import annotations

import re

from moto.organizations.models import FakeAccount

PRIVATE_NAMES = ("moto.organizations.models.FakeAccount.__init__",)

_CHOSEN = re.compile(r"^(\d{12})@")
_PATCHED = "_windlass_ids"


def install() -> None:
    """Patch moto's accounts; a second call changes nothing."""
    if hasattr(FakeAccount, _PATCHED):
        return
    setattr(FakeAccount, _PATCHED, True)
    original = FakeAccount.__init__

    def choose_id(self: FakeAccount, organization: object, **kwargs: str) -> None:
        original(self, organization, **kwargs)
        chosen = _CHOSEN.match(kwargs.get("Email", ""))
        if chosen:
            self.id = chosen[1]

    FakeAccount.__init__ = choose_id

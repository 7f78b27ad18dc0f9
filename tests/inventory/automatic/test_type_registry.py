"""Which types a configuration collects."""

import pytest

from windlass.core.errors import ConfigError
from windlass.inventory.automatic.type_registry import TypeRegistry
from windlass.inventory.catalog import CATALOG


def test_a_pattern_that_matches_no_automatic_type_is_refused():
    assert [kind.service for kind in TypeRegistry(CATALOG, ["xray.*"]).collected if kind.automatic].count("xray") > 0
    with pytest.raises(ConfigError, match="'xrya.\\*' matches no automatic type"):
        TypeRegistry(CATALOG, ["xray.*", "xrya.*"]).collected  # noqa: B018  it is computed when it is read

"""Our own data, compressed with what is installed, and read by what was written."""

import sys
import zlib

import pytest

from windlass.core.compression import compress, decompress
from windlass.core.errors import ConfigError

TEXT = b"of the same kind " * 100


def test_what_is_written_with_and_without_zstandard_is_read_back(monkeypatch):
    pytest.importorskip("zstandard")
    fast = compress(TEXT)
    assert len(fast) < 100
    assert decompress(fast) == decompress(zlib.compress(TEXT)) == TEXT
    monkeypatch.setitem(sys.modules, "zstandard", None)
    slow = compress(TEXT, level=19)
    assert decompress(slow) == TEXT
    with pytest.raises(ConfigError) as refused:
        decompress(fast)
    assert "windlass-aws[fast]" in refused.value.hint


@pytest.mark.parametrize("damaged", [b"", b"text", compress(TEXT)[:20], zlib.compress(TEXT)[:20]])
def test_damage_is_an_error(damaged):
    with pytest.raises(ValueError, match="damaged"):
        decompress(damaged)

"""What the tests of steps share: run a transform over bytes, in chunks of any size."""

import pytest

from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Rejected, Source


def chunked(data, size):
    return (data[start : start + size] for start in range(0, len(data), size))


def outputs(transform, data, *, name="a.bin", chunk=4096, **source):
    """[(name, content)] of all outputs."""
    whole = data if not isinstance(data, bytes) else chunked(data, chunk)
    made = []
    for output in read_transform(transform).run(Source(chunks=whole, name=name, **source)):
        made.append((output.name, b"".join(output.chunks)))
    return made


def content(transform, data, **kwargs):
    """The content of the only output."""
    ((_, made),) = outputs(transform, data, **kwargs)
    return made


def made_or_refused(transform, data):
    """The outputs, or none when the input is refused; any other exception is the test's failure."""
    try:
        return outputs(transform, data)
    except Rejected:
        return []


def rejection(transform, data, **kwargs):
    """The Rejected that the transform ends in; fails when there is none."""
    with pytest.raises(Rejected) as caught:
        outputs(transform, data, **kwargs)
    assert caught.value.message
    return caught.value

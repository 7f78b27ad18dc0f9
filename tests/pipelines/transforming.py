"""Helpers for tests of steps: run a transform over bytes, in chunks of any size."""

import pytest

from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Rejected, Source


def chunked(data, size):
    return (data[start : start + size] for start in range(0, len(data), size))


def outputs(transform, data, *, name="a.bin", chunk=4096, **source):
    """Return [(name, content)] of all outputs."""
    whole = data if not isinstance(data, bytes) else chunked(data, chunk)
    results = []
    for output in read_transform(transform).run(Source(chunks=whole, name=name, **source)):
        results.append((output.name, b"".join(output.chunks)))
    return results


def content(transform, data, **kwargs):
    """Return the content of the only output."""
    ((_, result),) = outputs(transform, data, **kwargs)
    return result


def outputs_or_rejection(transform, data):
    """Return the outputs, or [] when the input is rejected; any other exception fails the test."""
    try:
        return outputs(transform, data)
    except Rejected:
        return []


def rejection(transform, data, **kwargs):
    """Return the Rejected that the transform raises; fails when it raises none."""
    with pytest.raises(Rejected) as caught:
        outputs(transform, data, **kwargs)
    assert caught.value.message
    return caught.value

"""Coverage-guided fuzzing of what reads answers: `python -m tests.wire.fuzz_atheris [-max_total_time=60] [corpus]`."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["windlass.wire"]):
    from tests.wire.memory import Fed, new_loop
    from windlass.core.errors import WindlassError
    from windlass.wire import sqs
    from windlass.wire.errors import BrokenResponse, ConnectionLost, read_fault
    from windlass.wire.listing import read_page, read_versions
    from windlass.wire.model import Response

LOOP = new_loop()
READERS = [
    lambda body: read_fault(Response(400, {}, body)),
    read_page,
    read_versions,
    lambda body: sqs.receive("q").read(Response(200, {}, body)),
    lambda body: sqs.delete("q", []).read(Response(200, {}, body)),
]


def one_input(data):
    source = atheris.FuzzedDataProvider(data)
    kind = source.ConsumeIntInRange(0, len(READERS))
    if kind < len(READERS):
        with contextlib.suppress(WindlassError):
            READERS[kind](source.ConsumeBytes(1 << 16))
        return
    fed = Fed(LOOP)
    fed.ask(head_only=source.ConsumeBool(), limit=1000)
    cuts = [source.ConsumeIntInRange(0, 300) for _ in range(3)]
    fed.feed(source.ConsumeBytes(1 << 16), cuts)
    fed.hang_up()
    error = fed.answer.exception()
    if error is not None and not isinstance(error, (ConnectionLost, BrokenResponse)):
        raise error


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()

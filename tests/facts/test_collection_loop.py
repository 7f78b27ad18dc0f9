"""The periodic read: again after its interval, also after a failure, until it is stopped."""

import threading

from windlass.core.errors import AwsError
from windlass.facts.collection_loop import read_forever
from windlass.store.leases import Leases


def test_it_reads_again_after_a_failure_until_it_is_stopped(store):
    stop, reads = threading.Event(), []

    def read():
        reads.append(1)
        if len(reads) == 1:
            raise AwsError("no answer", code="Unreachable")
        if len(reads) == 3:
            stop.set()
        return {"111111111111 us-east-1 ListComplianceItems": "denied"}

    read_forever(read, Leases(store), interval_s=0.01, stop=stop)
    assert len(reads) == 3

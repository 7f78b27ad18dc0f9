"""Of every service of AWS, a few reads with generated requests and answers: equal to botocore's, errors included."""

import random
import zlib

import botocore.session
import pytest

from tests.aws.generated import MODELS, NOW, TOKEN, Pair
from tests.aws.test_equal_to_botocore import compare

PER_SERVICE = 6
READS = ("List", "Describe", "Get", "Search", "BatchGet")
# moto has no model of these, or its serialisers can't write them: their requests are compared, no answers.
SERVICES = botocore.session.get_session().get_available_services()


def reads(service):
    """A sample of the service's reads that the generic client makes itself."""
    names = [name for name in MODELS.service(service).model.operation_names if name.startswith(READS)]
    supported = [name for name in names if not MODELS.operation(service, name).unsupported]
    return random.Random(zlib.crc32(service.encode())).sample(supported, min(PER_SERVICE, len(supported)))


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_a_sample_of_every_service(service, monkeypatch):
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: NOW.replace(tzinfo=None))
    monkeypatch.setattr("botocore.handlers.uuid.uuid4", lambda: TOKEN)
    pair = Pair(token="session-token")
    for operation in reads(service):
        for seed, region in enumerate(("eu-west-1", "cn-north-1")):
            compare(pair, service, operation, region, seed)

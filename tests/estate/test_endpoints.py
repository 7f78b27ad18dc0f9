"""Endpoints of single services: every client of that service goes there, all others to AWS, and no credential to a stranger."""

import pytest
from pydantic import ValidationError

from windlass.estate.clients import client_config, make_client
from windlass.estate.config import EstateConfig
from windlass.estate.credentials import embedded_session

VPCE = "https://vpce-1a2b-3c4d.sqs.eu-west-1.vpce.amazonaws.com"


def clients(config):
    session = embedded_session("111111111111")
    return {service: make_client(session, config, "eu-west-1", service) for service in ("sqs", "s3", "sts")}


def test_one_service_has_an_endpoint_of_its_own():
    made = clients(EstateConfig(endpoints={"sqs": VPCE}))
    assert made["sqs"].meta.endpoint_url == VPCE
    assert made["s3"].meta.endpoint_url.endswith("amazonaws.com")
    assert made["sts"].meta.endpoint_url.endswith("amazonaws.com")


def test_it_wins_over_the_endpoint_of_all():
    config = EstateConfig(endpoint_url="http://127.0.0.1:1", endpoints={"sqs": "http://127.0.0.1:2"})
    made = clients(config)
    assert (made["sqs"].meta.endpoint_url, made["s3"].meta.endpoint_url) == ("http://127.0.0.1:2", "http://127.0.0.1:1")


def test_s3_at_an_endpoint_of_its_own_has_buckets_in_the_path():
    config = EstateConfig(endpoints={"s3": "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com"})
    assert client_config(config).s3 == {"addressing_style": "path"}
    assert client_config(EstateConfig(endpoints={"sqs": VPCE})).s3 != {"addressing_style": "path"}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://sqs.example.com", "https"),
        ("http://127.0.0.1:9324", "real credentials would be sent there"),
        ("http://queue.localhost:9324", "real credentials would be sent there"),
        ("sqs.example.com", "must be a URL"),
        ("https://user:secret@sqs.example.com", "without credentials"),
    ],
)
def test_no_credential_goes_where_it_must_not(url, problem):
    with pytest.raises(ValidationError, match=problem):
        EstateConfig(endpoints={"sqs": url})

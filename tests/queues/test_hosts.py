"""The region in a queue's URL: every form of AWS and of its stand-ins, and none made up."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.core.errors import UsageError
from windlass.estate.config import EstateConfig
from windlass.queues.address import read_reference
from windlass.queues.hosts import region_of
from windlass.queues.lookup import find_queue

ACCOUNT = "123456789012"
URLS = {
    "https://sqs.eu-west-1.amazonaws.com/{}": "eu-west-1",
    "https://sqs.cn-north-1.amazonaws.com.cn/{}": "cn-north-1",
    "https://sqs.us-gov-west-1.amazonaws.com/{}": "us-gov-west-1",
    "https://sqs-fips.us-east-2.amazonaws.com/{}": "us-east-2",
    "https://sqs.us-east-1.api.aws/{}": "us-east-1",
    "https://sqs-fips.us-west-2.api.aws/{}": "us-west-2",
    "https://sqs.cn-northwest-1.api.amazonwebservices.com.cn/{}": "cn-northwest-1",
    "https://queue.amazonaws.com/{}": "us-east-1",
    "https://eu-central-1.queue.amazonaws.com/{}": "eu-central-1",
    "https://cn-north-1.queue.amazonaws.com.cn/{}": "cn-north-1",
    "https://vpce-0a1b2c3d4e5f6a7b8-abcdefgh.sqs.ap-southeast-2.vpce.amazonaws.com/{}": "ap-southeast-2",
    "https://vpce-0a1b2c3d4e5f6a7b8-abcdefgh-eu-west-1a.sqs.eu-west-1.vpce.amazonaws.com/{}": "eu-west-1",
    "https://sqs.us-iso-east-1.c2s.ic.gov/{}": "us-iso-east-1",
    "https://sqs.us-isob-east-1.sc2s.sgov.gov/{}": "us-isob-east-1",
    "https://sqs.eu-isoe-west-1.cloud.adc-e.uk/{}": "eu-isoe-west-1",
    "https://sqs.us-isof-south-1.csp.hci.ic.gov/{}": "us-isof-south-1",
    "https://sqs.eusc-de-east-1.amazonaws.eu/{}": "eusc-de-east-1",
    "http://sqs.eu-west-1.localhost.localstack.cloud:4566/{}": "eu-west-1",
    "http://eu-west-1.queue.localhost.localstack.cloud:4566/{}": "eu-west-1",
    "http://localhost:4566/queue/eu-west-1/{}": "eu-west-1",
    "http://localhost:4566/{}": "",
    "http://localhost:9324/queue/{}": "",
    "https://sqs.internal.example.com/{}": "",
    "https://amazonaws.com/{}": "",
    "https://sqs.eu-west-1.amazonaws.com.evil.example/{}": "",
}


@pytest.mark.parametrize("form", URLS)
def test_the_region_of_a_url(form):
    reference = read_reference(form.format(f"{ACCOUNT}/orders"))
    assert (reference.region, reference.account_id, reference.name) == (URLS[form], ACCOUNT, "orders")


@given(st.text(alphabet="abcsqu.-1", max_size=30))
def test_no_host_but_those_of_the_table_names_a_region(host):
    assert region_of(host, f"/{ACCOUNT}/q") in {"", "us-east-1"} or ".amazonaws." in host


class Estate:
    """As much of an estate as is asked before AWS is."""

    def __init__(self, endpoint_url=""):
        self.config = EstateConfig(home_region="eu-west-1", endpoint_url=endpoint_url)
        self.asked = []

    def accounts(self):
        return [SimpleNamespace(id=ACCOUNT)]

    def call(self, account, region, service, operation, **params):
        self.asked.append((account, region, params["QueueUrl"]))
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:{region}:{account}:orders"}}


@pytest.mark.parametrize("host", ["localhost:9324", "vpce.internal.example", "sqs.internal.example.com"])
def test_a_url_without_a_region_is_never_taken_for_the_home_regions(host):
    estate, url = Estate(), f"https://{host}/{ACCOUNT}/orders"
    with pytest.raises(UsageError, match="does not tell its region"):
        find_queue(estate, url)
    assert estate.asked == []
    assert find_queue(estate, url, region="ap-south-1").region == "ap-south-1"


def test_the_estates_own_endpoint_is_in_its_home_region():
    estate = Estate("http://localhost:4566")
    assert find_queue(estate, f"http://localhost:4566/{ACCOUNT}/orders").region == "eu-west-1"

"""The region of a queue's URL, by the host names of SQS and its emulators. Hosts that are not in the table have no
region.
"""

from __future__ import annotations

import re

__all__ = ["region_of"]

_REGION = r"(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)"
# AWS endpoints and quotas: Amazon SQS; botocore's endpoints.json for partitions' DNS suffixes.
_SUFFIXES = (
    r"amazonaws\.com(?:\.cn)?",
    r"api\.aws",
    r"api\.amazonwebservices\.com\.cn",
    r"amazonaws\.eu",
    r"api\.amazonwebservices\.eu",
    r"c2s\.ic\.gov",
    r"sc2s\.sgov\.gov",
    r"cloud\.adc-e\.uk",
    r"csp\.hci\.ic\.gov",
    r"api\.aws\.ic\.gov",
    r"api\.aws\.scloud",
    r"api\.cloud-aws\.adc-e\.uk",
    r"api\.aws\.hci\.ic\.gov",
)
_SUFFIX = rf"(?:{'|'.join(_SUFFIXES)})"
_HOSTS = (
    rf"sqs(?:-fips)?\.{_REGION}\.{_SUFFIX}",  # sqs.eu-west-1.amazonaws.com, sqs.us-east-1.api.aws
    rf"{_REGION}\.queue\.amazonaws\.com(?:\.cn)?",  # the form used before 2013
    rf"(?:vpce-[a-z0-9-]+\.)sqs\.{_REGION}\.vpce\.{_SUFFIX}",  # an interface endpoint, for one zone or all
    rf"sqs\.{_REGION}\.localhost\.localstack\.cloud",  # LocalStack's strategies "standard" and "domain"
    rf"{_REGION}\.queue\.localhost\.localstack\.cloud",
)
_PATTERNS = tuple(re.compile(pattern) for pattern in _HOSTS)
_FIRST = "queue.amazonaws.com"
"""The endpoint of us-east-1 in the form used before 2013."""
_PATH = re.compile(rf"^/queue/{_REGION}/\d{{12}}/")
"""LocalStack's strategy "path": any host, the region before the account."""


def region_of(host: str, path: str) -> str:
    """Return the region in a queue URL's host or path; empty when there is none."""
    if host == _FIRST:
        return "us-east-1"
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(host):
            return match["region"]
    match = _PATH.match(path)
    return match["region"] if match else ""

"""Listings as other servers page them: pages without keys that have more behind them, and pages that lead nowhere."""

import threading
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.replication.direct.local import Aws, copy_pair, verify_pair
from tests.replication.direct.middle import middle
from windlass.core.errors import AwsError


@pytest.fixture
def behind(engine_server, aws):
    """The same account behind somebody who changes answers."""
    with middle(engine_server.url) as line:
        result = Aws(line.url, aws.account)
        yield result, line
        result.close()


def is_listing(asked, bucket):
    query = parse_qs(urlsplit(asked.path).query)
    return asked.method == "GET" and f"/{bucket}" in asked.path and "list-type" in query, query


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_truncated_page_without_keys_is_followed_by_its_token(behind, aws, tmp_path, side):
    """As S3 and others answer where delete markers or filtered keys lie between."""
    result, line = behind
    pair = aws.pair()
    keys = [f"{at:04}" for at in range(50)]
    aws.fill(pair.source.bucket, keys)
    aws.fill(pair.destination.bucket, keys[::2])
    bucket = getattr(pair, side).bucket
    hidden = {}

    def hide(asked, said):
        listing, query = is_listing(asked, bucket)
        if not listing:
            return
        token = query.get("continuation-token", [""])[0]
        if token in hidden and hidden[token][0] < 3:  # two more pages without keys, then the keys
            hidden[token][0] += 1
            said.status, said.body = 200, empty_page(f"{token}x")
            hidden[f"{token}x"] = hidden[token]
        elif token in hidden:
            said.status, said.body = 200, hidden[token][1]
        elif b"<Contents>" in said.body and not token:
            hidden[first := f"t{len(hidden)}"] = [0, said.body]
            said.body = empty_page(first)
        said.headers["content-length"] = str(len(said.body))

    line.after = hide
    engine = result.engine(tmp_path)
    moved = copy_pair(engine, pair, seed_id="s", versions=False, stop=threading.Event(), on_progress=lambda _: None)
    assert hidden, "no page was hidden: the test shows nothing"
    assert (moved.copied, moved.skipped, moved.failed) == (25, 25, 0)
    assert aws.listed(pair.destination) == aws.listed(pair.source)


def empty_page(token):
    return (
        "<ListBucketResult><IsTruncated>true</IsTruncated><KeyCount>0</KeyCount>"
        f"<NextContinuationToken>{quote(token)}</NextContinuationToken></ListBucketResult>"
    ).encode()


def test_a_listing_that_leads_nowhere_is_one_clear_error(behind, aws, tmp_path):
    result, line = behind
    pair = aws.pair()
    aws.fill(pair.source.bucket, ["k"])

    def loop(asked, said):
        if is_listing(asked, pair.source.bucket)[0]:
            said.status, said.body = 200, empty_page("again")
            said.headers["content-length"] = str(len(said.body))

    line.after = loop
    with pytest.raises(AwsError, match="does not advance"):
        verify_pair(result.engine(tmp_path), pair, stop=threading.Event(), on_progress=lambda _: None)

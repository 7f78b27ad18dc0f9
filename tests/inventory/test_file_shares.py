"""A file share has the details of its own kind, and is not partly read for want of the other's."""

from tests.inventory.fake import NOW, FakeCaller
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.collector import Collector
from windlass.inventory.model import Scope, ScopeState

SHARES = [
    {
        "FileShareId": f"share-{kind}",
        "FileShareARN": f"arn:aws:storagegateway:us-east-1:111111111111:share/share-{kind}",
        "FileShareType": kind,
    }
    for kind in ("NFS", "SMB")
]


def described(kind):
    """As AWS answers: a share of the other kind is not in the list."""

    def answer(account_id, region, params):
        (arn,) = params["FileShareARNList"]
        return {f"{kind}FileShareInfoList": [{"FileShareARN": arn, "Status": kind}] if arn.endswith(kind) else []}

    return answer


def test_each_share_is_read_whole():
    caller = FakeCaller(
        {
            ("storagegateway", "ListFileShares"): {"FileShareInfoList": SHARES},
            ("storagegateway", "DescribeNFSFileShares"): described("NFS"),
            ("storagegateway", "DescribeSMBFileShares"): described("SMB"),
        }
    )
    results = []
    kind = "storagegateway.file-share"
    collector = Collector(caller=caller, types=BY_NAME, salt=b"salt", now=lambda: NOW, concurrency=1)
    collector.run([Scope("111111111111", "us-east-1", kind)], sink=results.append)
    (result,) = results
    assert (result.state, [observation.unknown for observation in result.observations]) == (
        ScopeState.OK,
        [frozenset()] * 2,
    ), result.error
    assert [observation.document["Status"] for observation in result.observations] == ["NFS", "SMB"]

"""A loopback S3 that costs as little as it can: any number of buckets, each with the same 22 configurations.

`python -m bench.inventory_stub BUCKETS` prints its port and serves until its standard input ends.
"""

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

import httptools
import uvloop

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
PAGE = 1000
# By subresource: the root element of S3's document and what is in it (Amazon S3 API Reference).
DOCUMENTS = {
    "tagging": ("Tagging", "<TagSet><Tag><Key>team</Key><Value>web</Value></Tag></TagSet>"),
    "versioning": ("VersioningConfiguration", "<Status>Enabled</Status>"),
    "encryption": (
        "ServerSideEncryptionConfiguration",
        "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>",
    ),
    "policyStatus": ("PolicyStatus", "<IsPublic>false</IsPublic>"),
    "publicAccessBlock": ("PublicAccessBlockConfiguration", "<BlockPublicAcls>true</BlockPublicAcls>"),
    "acl": ("AccessControlPolicy", "<Owner><ID>o</ID></Owner><AccessControlList></AccessControlList>"),
    "ownershipControls": ("OwnershipControls", "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"),
    "lifecycle": ("LifecycleConfiguration", "<Rule><ID>old</ID><Status>Enabled</Status></Rule>"),
    "logging": ("BucketLoggingStatus", ""),
    "notification": ("NotificationConfiguration", ""),
    "replication": ("ReplicationConfiguration", "<Role>arn:aws:iam::111111111111:role/r</Role>"),
    "website": ("WebsiteConfiguration", "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"),
    "cors": ("CORSConfiguration", "<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"),
    "object-lock": ("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"),
    "accelerate": ("AccelerateConfiguration", ""),
    "requestPayment": ("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"),
    "inventory": ("ListInventoryConfigurationsResult", "<IsTruncated>false</IsTruncated>"),
    "metrics": ("ListMetricsConfigurationsResult", "<IsTruncated>false</IsTruncated>"),
    "analytics": ("ListBucketAnalyticsConfigurationResult", "<IsTruncated>false</IsTruncated>"),
    "intelligent-tiering": ("ListBucketIntelligentTieringConfigurationsOutput", "<IsTruncated>false</IsTruncated>"),
    "metadataConfiguration": (
        "GetBucketMetadataConfigurationResult",
        "<MetadataConfigurationResult></MetadataConfigurationResult>",
    ),
}
POLICY = b'{"Version":"2012-10-17","Statement":[]}'
COUNT = {"requests": 0}


def listing(buckets, query):
    start = int(query.get("continuation-token", ["0"])[0])
    end = min(start + PAGE, buckets)
    rows = "".join(
        f"<Bucket><Name>bench-{number:06}</Name><BucketRegion>us-east-1</BucketRegion></Bucket>"
        for number in range(start, end)
    )
    more = f"<ContinuationToken>{end}</ContinuationToken>" if end < buckets else ""
    return f"<ListAllMyBucketsResult {XMLNS}><Buckets>{rows}</Buckets>{more}</ListAllMyBucketsResult>".encode()


class Server(asyncio.Protocol):
    buckets = 0

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_url(self, url):
        self.url = url.decode()

    def on_message_complete(self):
        COUNT["requests"] += 1
        parts = urlsplit(self.url)
        query = parse_qs(parts.query, keep_blank_values=True)
        kind = "application/xml"
        if parts.path == "/":
            body = listing(self.buckets, query)
        elif "policy" in query:
            kind, body = "application/json", POLICY
        else:
            root, inner = next(document for name, document in DOCUMENTS.items() if name in query)
            body = f"<{root} {XMLNS}>{inner}</{root}>".encode()
        head = f"HTTP/1.1 200 OK\r\nx-amz-request-id: {COUNT['requests']}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def serve(buckets):
    Server.buckets = buckets
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

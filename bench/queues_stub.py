"""A loopback SQS that costs as little as it can: every receive brings ten messages of about 900 bytes, every delete succeeds.

`python -m bench.queues_stub [--tls CERT KEY] [--empty]` prints its port and serves until its standard input ends. It
understands the AWS JSON protocol of current SDKs. With --empty, receives wait as long as they are told and bring
nothing. `GET /count` answers the requests and messages so far.
"""

import asyncio
import hashlib
import itertools
import json
import ssl
import sys

import httptools
import uvloop

RECORD = {
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "awsRegion": "us-east-1",
    "eventTime": "2026-11-20T08:00:00.000Z",
    "eventName": "ObjectCreated:Put",
    "userIdentity": {"principalId": "AWS:AIDAEXAMPLEEXAMPLEXX"},
    "requestParameters": {"sourceIPAddress": "10.20.30.40"},
    "responseElements": {
        "x-amz-request-id": "C3D13FE58DE4C810",
        "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD",
    },
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "everything",
        "bucket": {
            "name": "harbour-prod-lake",
            "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
            "arn": "arn:aws:s3:::harbour-prod-lake",
        },
        "object": {
            "key": "incoming/2026/11/20/part-00042.json",
            "size": 10240,
            "eTag": "d41d8cd98f00b204e9800998ecf8427e",
            "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
            "sequencer": "0055AED6DCD90281E5",
        },
    },
}
BODY = json.dumps({"Records": [RECORD]})
MD5 = hashlib.md5(BODY.encode()).hexdigest()
NUMBERS = itertools.count()
COUNTS = {"requests": 0, "receives": 0, "deleted": 0}
_FIELDS = (
    '{"MessageId":"00000000-0000-4000-8000-{0:012d}","ReceiptHandle":"AQEB{0:060d}","MD5OfBody":"',
    MD5,
    '","Body":',
    json.dumps(BODY),
    ',"Attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"1795225617711"}}',
)
# Doubled braces but for the two numbers.
ONE = "".join(_FIELDS).replace("{", "{{").replace("}", "}}").replace("{{0:", "{0:").replace("d}}", "d}")
ARN = "arn:aws:sqs:us-east-1:111111111111:bench"


class Server(asyncio.Protocol):
    empty = False

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.target, self.body = b"", []

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_header(self, name, value):
        if name.lower() == b"x-amz-target":
            self.target = value

    def on_url(self, url):
        self.url = url

    def on_body(self, data):
        self.body.append(data)

    def on_message_complete(self):
        operation = self.target.rpartition(b".")[2]
        body, self.body = b"".join(self.body), []
        COUNTS["requests"] += 1
        if self.url == b"/count":
            self.answer(json.dumps(COUNTS).encode())
        elif operation == b"ReceiveMessage":
            COUNTS["receives"] += 1
            if self.empty:
                wait = json.loads(body).get("WaitTimeSeconds", 0)
                asyncio.get_running_loop().call_later(wait, self.answer, b"{}")
            else:
                start = next(NUMBERS) * 10
                self.answer(('{"Messages":[' + ",".join([ONE.format(start + at) for at in range(10)]) + "]}").encode())
        elif operation == b"DeleteMessageBatch":
            count = body.count(b'"Id"')
            COUNTS["deleted"] += count
            rows = ",".join([f'{{"Id":"{at}"}}' for at in range(count)])
            self.answer(f'{{"Successful":[{rows}],"Failed":[]}}'.encode())
        elif operation == b"DeleteMessage":
            COUNTS["deleted"] += 1
            self.answer(b"{}")
        elif operation == b"GetQueueAttributes":
            self.answer(json.dumps({"Attributes": {"QueueArn": ARN, "VisibilityTimeout": "60"}}).encode())
        elif operation == b"ListQueues":
            self.answer(json.dumps({"QueueUrls": ["http://localhost/111111111111/bench"]}).encode())
        else:
            self.answer(json.dumps({"QueueUrl": "http://localhost/111111111111/bench"}).encode())

    def answer(self, body):
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\nx-amzn-requestid: r\r\ncontent-length: "
        self.transport.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)


async def main(arguments):
    context = None
    if "--tls" in arguments:
        at = arguments.index("--tls")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments[at + 1], arguments[at + 2])
    Server.empty = "--empty" in arguments
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))

"""Whatever a server says: an answer or one of our errors, at once, in bounded memory."""

import contextlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.wire.memory import Fed, new_loop
from windlass.core.errors import WindlassError
from windlass.wire import s3, sqs
from windlass.wire.errors import BadResponse, BrokenResponse, ConnectionLost, read_fault, safe_xml, sensible
from windlass.wire.listing import _columns, _slow_page, _without_checksums, read_page, read_versions
from windlass.wire.model import Response
from windlass.wire.s3 import Part

# HTTP

TOKENS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Up\r\n",
        b"HTTP/1.1 204 No\r\n",
        b"HTTP/1.1 304 N\r\n",
        b"HTTP/1.1 503 S\r\n",
        b"content-length: 5\r\n",
        b"Content-Length: 5\r\n",
        b"content-length: 0\r\n",
        b"content-length: 99999999999999999999\r\n",
        b"content-length: -1\r\n",
        b"transfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip, chunked\r\n",
        b"transfer-encoding: gzip\r\n",
        b"connection: close\r\n",
        b"connection: keep-alive\r\n",
        b"connection: upgrade\r\nupgrade: h2c\r\n",
        b"x: \xff\x00\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"0\r\nt: x\r\n\r\n",
        b"ffffffffffffffffff\r\n",
        b'5;a="b\r\n',
        b"hello",
        b"{}",
        b"<Error/>",
        b"\x16\x03\x01",
        b"\x00",
    ]
)
SAID = st.lists(TOKENS | st.binary(max_size=6), max_size=14).map(b"".join)
LIMIT = 200


@settings(max_examples=examples(800))
@given(SAID, st.lists(st.integers(0, 200), max_size=8), st.booleans(), st.booleans(), st.integers(0, 2))
def test_any_bytes_end_in_an_answer_or_an_error_of_ours(said, cuts, head_only, stream, more_requests):
    with contextlib.closing(new_loop()) as loop:
        fed = Fed(loop)
        fed.ask(head_only=head_only, limit=LIMIT, stream=stream and not head_only)
        fed.feed(said, cuts)
        answers = [fed.answer]
        for _ in range(more_requests):  # whatever was left over must not answer these
            if fed.connection.closed or not fed.answer.done():
                break
            if fed.connection._receiver.body is not None:
                break
            assert not fed.ask(limit=LIMIT).done()
            fed.feed(said, cuts)
            answers.append(fed.answer)
        fed.hang_up()
        for answer in answers:
            assert answer.done()
            error = answer.exception()
            assert error is None or isinstance(error, (ConnectionLost, BrokenResponse))
            if error is None and answer.result().stream is None:
                assert len(answer.result().body) <= LIMIT
            elif error is None:
                assert answer.result().stream.ended
        assert fed.connection.closed
        assert not fed.timer.running


# Errors

CODES = st.sampled_from(["NoSuchKey", "SlowDown", "PermanentRedirect", "x" * 300, "", "&lt;", "a#b"])
FAULT_BODIES = st.one_of(
    st.binary(max_size=60),
    SAID,
    st.builds(
        lambda code, text: (
            f"<Error><Code>{code}</Code><Message>{escape(text)}</Message><Region>{code}</Region></Error>".encode(
                "utf-8", "replace"
            )
        ),
        CODES,
        st.text(max_size=40),
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["__type", "message", "Message", "code", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ).map(orjson.dumps),
    st.sampled_from(
        [
            b"<" * 5000,
            b"<a>" * 20_000,
            b"{" * 5000,
            b"[" * 5000,
            b'{"__type":' * 2000,
            b"<?xml version='1.0' encoding='utf-16'?><Error/>",
            "<Error/>".encode("utf-16"),
            b"<?xml version='1.0' encoding='nonsense'?><Error/>",
            b"<?xml version='1.0' encoding='big5'?><Error/>",
        ]
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["x-amzn-query-error", "x-amzn-errortype", "x-amz-bucket-region", "x-amz-request-id", "content-type"]
    ),
    st.text(max_size=30)
    | st.sampled_from(["AWS.SimpleQueueService.NonExistentQueue;Sender", ":", ";", "eu-west-1", "a" * 500]),
)


@settings(max_examples=examples(300))
@given(st.integers(100, 999), HEADERS, FAULT_BODIES)
def test_any_error_answer_is_read(status, headers, body):
    fault = read_fault(Response(status, headers, body))
    assert fault.status == status
    assert 0 < len(fault.code) <= 100
    assert len(fault.message) <= 2000
    assert all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in fault.region)


LAUGHS = (
    "<!DOCTYPE lolz [<!ENTITY lol 'lol'>"
    + "".join(f"<!ENTITY lol{n + 1} '{f'&lol{n or str()};' * 10}'>" for n in range(9))
    + "]><lolz>&lol9;</lolz>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32", "cp037", "iso-8859-1"])
def test_documents_that_grow_are_refused_in_any_encoding(encoding):
    declared = f"<?xml version='1.0' encoding='{encoding}'?>".encode()
    for body in (
        LAUGHS.encode(encoding),
        declared + LAUGHS.encode(encoding),
        f"<?xml version='1.0' encoding='{encoding}'?>{LAUGHS}".encode(encoding),
    ):
        with pytest.raises(BadResponse):
            safe_xml(body)


# Listings: the fast reader and the slow one read the same

KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.sampled_from(
        [
            "a b",
            "a+b",
            "a%20b",
            "&",
            "&amp;",
            "&quot;",
            "<Key>",
            "</Contents>",
            "é",
            "日本",
            "💥",
            "\x01",
            "\n",
            "a]]>b",
            "<!--",
            '"',
            "'",
            "%",
        ]
    ),
)
FIELDS = st.sampled_from(["ChecksumAlgorithm", "Owner", "StorageClass", "RestoreStatus", "ChecksumType"])
ETAGS = st.sampled_from(["&quot;abc-2&quot;", '"abc"', "abc", "&#34;abc&#34;", ""])


@st.composite
def contents(draw, *, shuffled, encoded):
    key = draw(KEYS)
    text = quote_plus(key, safe="/~") if encoded else escape(key)
    fields = {
        "Key": text,
        "LastModified": "2026-01-01T00:00:00.000Z",
        "ETag": draw(ETAGS),
        "ChecksumAlgorithm": "CRC32",
        "ChecksumType": "FULL_OBJECT",
        "Size": str(draw(st.integers(0, 10**13))),
        "Owner": "<ID>1</ID><DisplayName>d</DisplayName>",
        "StorageClass": "STANDARD",
        "RestoreStatus": "<IsRestoreInProgress>false</IsRestoreInProgress>",
    }
    for name in draw(st.sets(FIELDS)):
        del fields[name]
    names = draw(st.permutations(list(fields))) if shuffled else list(fields)
    return "<Contents>" + "".join(f"<{name}>{fields[name]}</{name}>" for name in names) + "</Contents>"


@st.composite
def pages(draw):
    encoded, shuffled, pretty = (
        draw(st.sampled_from([True, True, True, False])),
        draw(st.booleans()),
        draw(st.sampled_from(["", "", "", "\n  "])),
    )
    rows = draw(st.lists(contents(shuffled=shuffled, encoded=encoded), max_size=6))
    head = [
        "<Name>box</Name>",
        "<EncodingType>url</EncodingType>" if encoded else "",
        f"<IsTruncated>{draw(st.sampled_from(['true', 'false']))}</IsTruncated>",
    ]
    head += draw(
        st.sampled_from(
            [
                [],
                ["<NextContinuationToken>t+/=</NextContinuationToken>"],
                ["<NextContinuationToken>a&amp;b&quot;</NextContinuationToken>"],
            ]
        )
    )
    head += draw(
        st.sampled_from([[], [], ["<CommonPrefixes><Prefix>a%2Fb</Prefix></CommonPrefixes>"], ["<!-- <Contents> -->"]])
    )
    space = draw(st.sampled_from(["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"']))
    prolog = draw(
        st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>', '<?xml version="1.0" encoding="UTF-8"?>\n'])
    )
    parts = [*head, *rows] if draw(st.booleans()) else [*rows, *head]
    return prolog + f"<ListBucketResult{space}>{pretty}" + pretty.join(parts) + pretty + "</ListBucketResult>"


def outcome(read, body):
    try:
        return read(body)
    except BadResponse:
        return BadResponse


@settings(max_examples=examples(300))
@given(pages())
def test_the_fast_reader_reads_what_the_slow_one_reads(text):
    body = text.encode()
    assert outcome(read_page, body) == outcome(_slow_page, body)


@st.composite
def usual_pages(draw):
    """As S3 writes them, with checksums on some rows, or on none; then perhaps a piece more, or a piece less."""
    checksum = "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    rows = "".join(
        f"<Contents><Key>{quote_plus(key, safe='/~')}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>{draw(st.sampled_from(['&quot;abc-2&quot;'] * 9 + ['abc']))}</ETag>{checksum if draw(st.booleans()) else ''}"
        f"<Size>{draw(st.integers(0, 10**13))}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key in draw(st.lists(KEYS, min_size=1, max_size=6))
    )
    beside = "<Name>box</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    page = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{beside}{rows}</ListBucketResult>'
    at = draw(st.integers(0, len(page)))
    odd = [
        "",
        "",
        "<A>1</A>",
        "<Key>a</Key>",
        "<Contents>",
        "</Contents>",
        "&amp;",
        "&quot;",
        ">",
        "<",
        "1",
        " ",
        "<!-- -->",
        "_",
    ]
    return page[:at] + draw(st.sampled_from(odd)) + page[at + draw(st.sampled_from([0, 0, 0, 1, 7])) :]


@settings(max_examples=examples(1000))
@given(usual_pages())
def test_the_quickest_reader_reads_what_the_slow_one_reads(text):
    slow = outcome(sensible(_slow_page), text.encode())
    assert slow is BadResponse or outcome(read_page, text.encode()) == slow


def test_the_quickest_reader_reads_a_usual_page_by_itself():
    row = (
        "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>{}"
        "<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
    checksum = "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
    text = "<Name>b</Name>" + row.format("a", "") + row.format("b%2Fc", "") + "</X>"
    (keys, *_), beside = _columns(text)
    assert (keys, beside) == (["a", "b%2Fc"], "<Name>b</Name></X>")
    assert _columns(row.format("a", "") + row.format("b", checksum)) is None
    assert _columns(_without_checksums(row.format("a", "") + row.format("b", checksum))) is not None


@settings(max_examples=examples(200))
@given(st.lists(KEYS, min_size=1, max_size=20))
def test_encoded_keys_come_back(keys):
    rows = "".join(
        f"<Contents><Key>{quote_plus(key)}</Key><LastModified>x</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key in keys
    )
    inside = f"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{rows}"
    body = f"<ListBucketResult>{inside}</ListBucketResult>".encode()
    assert [entry.key for entry in read_page(body).objects] == keys
    inside = inside.replace("<Contents>", "<Version>").replace("</Contents>", "</Version>")
    versions = f"<ListVersionsResult>{inside}</ListVersionsResult>".encode()
    assert [version.key for version in read_versions(versions).versions] == keys


def test_a_key_that_is_no_utf8_is_asked_for_by_the_same_bytes():
    body = b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%FF%ED%A0%80+b</Key><LastModified>x</LastModified><ETag>e</ETag><Size>1</Size></Contents></ListBucketResult>"
    (found,) = read_page(body).objects
    assert s3.get("box", found.key).request.path == "/a%FF%ED%A0%80%20b"


@settings(max_examples=examples(300))
@given(
    pages(),
    st.lists(
        st.tuples(
            st.integers(0, 3000),
            st.sampled_from(
                [
                    "",
                    "<",
                    ">",
                    "&",
                    "</Contents>",
                    "<Contents>",
                    "<Owner>",
                    "x",
                    "<!DOCTYPE a>",
                    "9" * 30,
                    "\x00",
                    "²",
                    "<Version>",
                    "ListVersionsResult",
                ]
            ),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_damaged_pages_are_read_or_refused(text, damage, versions):
    if versions:
        text = text.replace("ListBucketResult", "ListVersionsResult").replace("Contents>", "Version>")
    for at, what in damage:
        text = text[: at % (len(text) + 1)] + what + text[at % (len(text) + 1) + len(what) % 3 :]
    body = text.encode("utf-8", "replace")
    for read in (read_page, read_versions):
        with contextlib.suppress(WindlassError):
            read(body)


@pytest.mark.parametrize(
    "row",
    [
        b"<Contents><Key>",
        b"<Contents><Key>a</Key><LastModified>x</LastModified><ETag>e</ETag><Size>1</Size><Owner><ID>1</ID>",
        b"<Contents><Key>a</Key><LastModified>x</LastModified><ETag>e</ETag><ChecksumAlgorithm>",
        b'<Contents><Key>a</Key><LastModified>x</LastModified><ETag>"""',
    ],
)
def test_no_page_takes_long(row):
    """A page of 4 MB made to send a regular expression back and forth: read or refused within pytest's timeout."""
    head = b"<ListBucketResult><EncodingType>url</EncodingType>"
    body = head + row * (4_000_000 // len(row)) + b"</ListBucketResult>"
    with contextlib.suppress(WindlassError):
        read_page(body)


# JSON and the other readers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Messages",
                    "Failed",
                    "Attributes",
                    "QueueUrl",
                    "Body",
                    "MessageId",
                    "ReceiptHandle",
                    "MD5OfBody",
                    "Id",
                    "Code",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
CALLS = [
    sqs.receive("q"),
    sqs.delete("q", ["r"]),
    sqs.change_visibility("q", [("r", 1)]),
    sqs.send("q", [sqs.Entry("b")]),
    sqs.get_attributes("q"),
    sqs.get_url("q"),
]


@settings(max_examples=examples(200))
@given(st.sampled_from(CALLS), JSON.map(orjson.dumps) | st.binary(max_size=30))
def test_sqs_answers_of_any_shape(call, body):
    with contextlib.suppress(WindlassError):
        call.read(Response(200, {}, body))


@given(st.lists(st.text(max_size=30), max_size=10))
def test_sqs_messages_come_whole(bodies):
    rows = [
        {"MessageId": str(at), "ReceiptHandle": "r", "Body": body, "Attributes": {"ApproximateReceiveCount": "3"}}
        for at, body in enumerate(bodies)
    ]
    try:
        document = orjson.dumps({"Messages": rows})
    except TypeError:
        assume(False)
    found = sqs.receive("q").read(Response(200, {}, document))
    assert [(entry.body, entry.receive_count, entry.group, entry.sent_ms) for entry in found] == [
        (body, 3, "", 0) for body in bodies
    ]


def test_a_message_whose_sum_differs_is_not_handed_over():
    document = orjson.dumps(
        {"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": "b", "MD5OfBody": "0" * 32}]}
    )
    with pytest.raises(BadResponse, match="damaged"):
        sqs.receive("q").read(Response(200, {}, document))


WRITES = [
    s3.copy("b", "k", source_bucket="b", source_key="k"),
    s3.create_upload("b", "k"),
    s3.put("b", "k", b""),
    s3.delete("b", "k"),
    s3.copy_part("b", "k", upload_id="u", number=1, source_bucket="b", source_key="k", byte_range=(0, 1)),
    s3.abort_upload("b", "k", upload_id="u"),
    s3.complete_upload("b", "k", upload_id="u", parts=[Part(1, "e")]),
    s3.upload_part("b", "k", upload_id="u", number=1, body=b"x"),
]


@settings(max_examples=examples(300))
@given(st.sampled_from(WRITES), FAULT_BODIES, HEADERS)
def test_s3_answers_of_any_shape(call, body, headers):
    with contextlib.suppress(WindlassError):
        call.read(Response(200, headers, body))


@pytest.mark.slow
def test_atheris_finds_nothing(tmp_path):
    """Coverage-guided, for half a minute: `python -m tests.wire.fuzz_atheris` goes on as long as one likes."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed (pip install atheris)")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.wire.fuzz_atheris", "-max_total_time=30", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]

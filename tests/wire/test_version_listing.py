"""Listings of versions: the fast reader reads what the XML reader reads, whatever a key, an ETag or a server looks like."""

import contextlib
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.wire.test_fuzz import ETAGS, KEYS, outcome
from windlass.core.errors import WindlassError
from windlass.wire import version_listing
from windlass.wire.listing import ListedVersion, read_versions
from windlass.wire.version_listing import read_version_page

FIELDS = st.sampled_from(["ChecksumAlgorithm", "Owner", "StorageClass", "RestoreStatus", "ChecksumType", "VersionId"])
IDS = st.sampled_from(["null", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", "a_b.c-d", "&#x61;b", ""])
OWNERS = st.sampled_from(
    ["<ID>1</ID><DisplayName>d</DisplayName>", "<ID>1</ID>", "<ID>1</ID><DisplayName>a&amp;b</DisplayName>"]
)


@st.composite
def rows(draw, *, shuffled, encoded):
    key, marker = draw(KEYS), draw(st.booleans())
    text = quote_plus(key, safe="/~") if encoded else escape(key)
    fields = {
        "Key": text,
        "VersionId": draw(IDS),
        "IsLatest": draw(st.sampled_from(["true", "false"])),
        "LastModified": "2026-01-01T00:00:00.000Z",
        "ETag": draw(ETAGS),
        "ChecksumAlgorithm": "CRC32",
        "ChecksumType": "FULL_OBJECT",
        "Size": str(draw(st.integers(0, 10**13))),
        "Owner": draw(OWNERS),
        "StorageClass": "STANDARD",
        "RestoreStatus": "<IsRestoreInProgress>false</IsRestoreInProgress>",
    }
    if marker:
        fields = {name: fields[name] for name in ("Key", "VersionId", "IsLatest", "LastModified", "Owner")}
    for name in draw(st.sets(FIELDS)):
        fields.pop(name, None)
    names = draw(st.permutations(list(fields))) if shuffled else list(fields)
    kind = "DeleteMarker" if marker else "Version"
    return f"<{kind}>" + "".join(f"<{name}>{fields[name]}</{name}>" for name in names) + f"</{kind}>"


@st.composite
def pages(draw):
    encoded, shuffled = draw(st.sampled_from([True, True, True, False])), draw(st.booleans())
    pretty = draw(st.sampled_from(["", "", "", "\n  "]))
    found = draw(st.lists(rows(shuffled=shuffled, encoded=encoded), max_size=6))
    key = draw(KEYS)
    head = [
        "<Name>box</Name>",
        "<KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>",
        "<EncodingType>url</EncodingType>" if encoded else "",
        f"<IsTruncated>{draw(st.sampled_from(['true', 'false']))}</IsTruncated>",
    ]
    head += draw(
        st.sampled_from(
            [
                [],
                [
                    f"<NextKeyMarker>{quote_plus(key, safe='/~') if encoded else escape(key)}</NextKeyMarker>",
                    f"<NextVersionIdMarker>{draw(IDS)}</NextVersionIdMarker>",
                ],
            ]
        )
    )
    head += draw(
        st.sampled_from([[], [], ["<CommonPrefixes><Prefix>a%2Fb</Prefix></CommonPrefixes>"], ["<!-- <Version> -->"]])
    )
    space = draw(st.sampled_from(["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"']))
    prolog = draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n']))
    parts = [*head, *found] if draw(st.booleans()) else [*found, *head]
    return prolog + f"<ListVersionsResult{space}>{pretty}" + pretty.join(parts) + pretty + "</ListVersionsResult>"


@settings(max_examples=examples(400))
@given(pages())
def test_the_fast_reader_reads_what_the_slow_one_reads(text):
    body = text.encode()
    assert outcome(read_version_page, body) == outcome(read_versions, body)


def page(row, more=""):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>box</Name><Prefix></Prefix><EncodingType>url</EncodingType>{more}{row}</ListVersionsResult>"
    ).encode()


def version(key, version_id="v1", etag="&quot;e-2&quot;", latest="true"):
    return (
        f"<Version><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>{latest}</IsLatest>"
        f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{etag}</ETag><Size>7</Size>"
        "<Owner><ID>1</ID></Owner><StorageClass>STANDARD</StorageClass></Version>"
    )


def marker(key, version_id="m1", latest="true"):
    return (
        f"<DeleteMarker><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>{latest}</IsLatest>"
        "<LastModified>2026-01-02T00:00:00.000Z</LastModified><Owner><ID>1</ID></Owner></DeleteMarker>"
    )


def test_a_page_as_s3_writes_it_is_read_without_the_xml_reader(monkeypatch):
    monkeypatch.setattr(version_listing, "read_versions", None)
    more = (
        "<IsTruncated>true</IsTruncated><NextKeyMarker>b+%C3%A9</NextKeyMarker>"
        "<NextVersionIdMarker>v+1</NextVersionIdMarker>"
    )
    found = read_version_page(page(marker("a") + version("a", latest="false") + version("b+%C3%A9", "v+1"), more))
    assert found.versions == [
        ListedVersion("a", "m1", True, True, 0, "", "2026-01-02T00:00:00.000Z", ""),
        ListedVersion("a", "v1", False, False, 7, "e-2", "2026-01-01T00:00:00.000Z", "STANDARD"),
        ListedVersion("b é", "v+1", True, False, 7, "e-2", "2026-01-01T00:00:00.000Z", "STANDARD"),
    ]
    assert (found.key_marker, found.version_marker) == ("b é", "v+1")  # a version id is not encoded: its + is a +


def test_line_breaks_in_keys(monkeypatch):
    monkeypatch.setattr(version_listing, "read_versions", None)
    found = read_version_page(page(version("a%0Ab") + version("c%0a+") + marker("d")))
    assert [entry.key for entry in found.versions] == ["a\nb", "c\n ", "d"]


def test_escapes_anywhere():
    found = read_version_page(page(version("c", "&#x76;1") + version("d", etag="&#x22;e&#34;")))
    assert [(entry.key, entry.version_id, entry.etag) for entry in found.versions] == [
        ("c", "v1", "e-2"),
        ("d", "v1", "e"),
    ]


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
                    "</Version>",
                    "<Version>",
                    "<DeleteMarker>",
                    "x",
                    "<!DOCTYPE a>",
                    "9" * 30,
                    "\x00",
                    "²",
                ]
            ),
        ),
        max_size=4,
    ),
)
def test_damaged_pages_are_read_or_refused_and_never_otherwise_than_slowly(text, damage):
    for at, what in damage:
        text = text[: at % (len(text) + 1)] + what + text[at % (len(text) + 1) + len(what) % 3 :]
    with contextlib.suppress(WindlassError):
        read_version_page(text.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    "row",
    [
        b"<Version><Key>",
        b"<Version><Owner><ID>1</ID>",
        b'<Version><Key>a</Key><VersionId>v</VersionId><IsLatest>true</IsLatest><LastModified>x</LastModified><ETag>"""',
    ],
)
def test_no_page_takes_long(row):
    head = b"<ListVersionsResult><EncodingType>url</EncodingType>"
    body = head + row * (4_000_000 // len(row)) + b"</ListVersionsResult>"
    with contextlib.suppress(WindlassError):
        read_version_page(body)

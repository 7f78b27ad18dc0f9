"""Digest files, signed as CloudTrail signs them with a key made here: what was changed, moved, removed or forged is told."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from windlass.clients.digests import is_signed_by, keys_of, public_key, verify
from windlass.core.errors import NotFound

rsa = pytest.importorskip(
    "cryptography.hazmat.primitives.asymmetric.rsa", reason="signing needs cryptography (moto brings it)"
)
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import padding  # noqa: E402

PLACE = "AWSLogs/1/CloudTrail-Digest/us-east-1/2026/11/20/d.json.gz"
SOURCE = f"s3://logs/{PLACE}"
LOG = b'{"Records": []}'


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def keys(key):
    value = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return keys_of({"PublicKeyList": [{"Fingerprint": "ff", "Value": value}]})


def digest(key, **changed):
    """(body, signature) of a digest that names one log file."""
    facts = {
        "digestEndTime": "2026-11-20T09:00:00Z",
        "digestS3Bucket": "logs",
        "digestS3Object": PLACE,
        "digestPublicKeyFingerprint": "ff",
        "previousDigestSignature": None,
        "logFiles": [
            {
                "s3Bucket": "logs",
                "s3Object": "a.json.gz",
                "hashValue": hashlib.sha256(LOG).hexdigest(),
                "hashAlgorithm": "SHA-256",
            }
        ],
    } | changed
    text = json.dumps(facts).encode()
    message = f"{facts['digestEndTime']}\nlogs/{facts['digestS3Object']}\n{hashlib.sha256(text).hexdigest()}\n{facts['previousDigestSignature'] or 'null'}"
    return gzip.compress(text), key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()


def problems(body, signature, keys, *, source=SOURCE, files=None):
    held = {("logs", "a.json.gz"): gzip.compress(LOG)} if files is None else files

    def fetch(bucket, name):
        if (bucket, name) not in held:
            raise NotFound("gone")
        return held[bucket, name]

    return [entry.problem for entry in verify(body, signature, keys, fetch, source=source)]


def test_what_is_as_delivered_is_fine(key, keys):
    assert problems(*digest(key), keys) == ["", ""]
    assert problems(*digest(key, previousDigestSignature="ab12"), keys) == ["", ""]


def test_every_kind_of_tampering_is_told(key, keys):
    body, signature = digest(key)
    forged = gzip.compress(gzip.decompress(body).replace(b"09:00", b"10:00"))
    assert problems(forged, signature, keys) == ["changed after its delivery: its signature does not match"]
    assert problems(body, signature[:-2] + ("00" if signature[-2:] != "00" else "01"), keys)[0].endswith(
        "its signature does not match"
    )
    assert problems(body, "", keys)[0].endswith("its signature does not match")
    assert problems(body, signature, keys, source="s3://other/x.json.gz")[0].startswith("moved")
    assert problems(body, signature, {})[0].startswith("signed with the key ff")
    assert problems(b"rubbish", signature, keys) == ["not a digest file"]
    assert problems(body, signature, keys, files={}) == ["", "deleted after its delivery"]
    changed = {("logs", "a.json.gz"): gzip.compress(LOG + b" ")}
    assert problems(body, signature, keys, files=changed) == ["", "changed after its delivery"]
    assert problems(body, signature, keys, files={("logs", "a.json.gz"): b"x"})[1].startswith("changed")


def test_a_signature_of_another_key_or_size_is_none(key, keys):
    other = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    body, signature = digest(other)
    assert problems(body, signature, keys) == ["changed after its delivery: its signature does not match"]
    assert not is_signed_by(b"x", "zz", keys["ff"])


@pytest.mark.parametrize("value", [b"", b"\x30\x03\x02\x01", b"\x02\x01\x05", b"\x30\x82\xff\xff\x02"])
def test_what_is_no_key_is_refused(value):
    with pytest.raises(ValueError, match="not an RSA public key"):
        public_key(value)

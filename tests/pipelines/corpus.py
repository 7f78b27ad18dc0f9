"""Inputs for every built-in step: valid ones of several shapes, and every kind of input that the step rejects."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from PIL import Image

OPTIONS = {
    "project": {"expression": "{id: id, x: deep.x}"},
    "sql": {"query": "SELECT id, count(*) AS n FROM input GROUP BY id ORDER BY id"},
    "line-filter": {"drop": ["^#", "second"]},
    "redact": {"known": ["email", "ipv4", "aws-key-id"]},
    "text-encoding": {"to": "utf-16-le", "line_ends": "crlf"},
    "checksum": {"format": "json"},
    "csv-to-jsonl": {"types": "json", "null": ""},
    "thumbnail": {"width": 16, "height": 16, "format": "png"},
}


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def parquet(rows, **how):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, **how)
    return buffer.getvalue()


def picture(kind, size, colour):
    buffer = io.BytesIO()
    image = Image.new("RGB", size, colour)
    image.putpixel((0, 0), (1, 2, 3))
    image.save(buffer, kind)
    return buffer.getvalue()


def corpus():
    """Return {step: [input]}: at least 200 inputs in total."""
    text = [
        f'line {at}\n# a remark\nsecond, with ü and "quotes" {at * 7}\nmail me@example.org from 10.0.0.{at} AKIAIOSFODNN7EXAMPL{at}\n'.encode()
        for at in range(6)
    ] + [b"", b"\n\n\n", b"no line feed at its end"]
    csv = [f'id,name,when\n{at},"n, {at}",2026-01-0{at + 1}T00:00:00Z\n{at + 10},,\n'.encode() for at in range(5)] + [
        b"id,name\n",
        b"id\r\n007\r\n\r\n1\r\n",
        b'id,t\n1,"two\nlines"\n2,"say ""hi"""\n',
        b"a,b\n1,2,3\n",
        b'id\n"open',
        b"id\n\xff\n",
    ]
    jsonl = [
        f'{{"id":{at},"name":"n{at}","deep":{{"x":{at}}}}}\n{{"id":{at + 1},"name":null,"deep":{{"x":1}}}}\n'.encode()
        for at in range(5)
    ] + [
        b'{"id":1,"deep":{"x":9007199254740993}}\n',
        b'{"id":1}\n\n{"id":2}\n',
        b"[1]\n",
        b'{"id":\n',
        b'{"id":"\xff"}\n',
    ]
    documents = [f'{{"id":{at},"list":[1,{at}],"deep":{{"x":"{at}"}}}}'.encode() for at in range(5)] + [
        b"[]",
        b'"a text"',
        '[1.5,true,null,"ü"]'.encode(),
        b'{"a":',
        b"\xff\xfe",
        b"[" * 5000,
    ]
    yaml = [f"id: {at}\nlist: [1, {at}]\nwhen: 2026-01-0{at + 1}\n".encode() for at in range(5)] + [
        b"a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n",
        b"- 0x1f\n- 1e3\n- ~\n- 'no'\n",
        b"a: [",
        b"a: 1\na: 2\n",
        b"a: !x 1\n",
        b"n: caf\xe9\n",
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + at, 98 + at, b",".join([b"*%c" % (97 + at)] * 9)) for at in range(9)),
    ]
    tables = [
        parquet(
            [
                {"id": at, "name": None if at else "ä", "deep": {"x": at}, "d": Decimal("1.10")},
                {"id": None, "name": "", "deep": None, "d": None},
            ]
        )
        for at in range(5)
    ] + [parquet([{"id": 1, "list": [1, 2]}], compression="gzip"), parquet([{"id": 1}])[:-5], b"PAR1", b""]
    members = {"x/1.txt": b"one", "x/2.txt": b"two", "3.txt": b"three"}
    archives = [members | {"n": line} for line in text[:6]]
    bomb = b"\0" * (20 << 20)
    pictures = [
        picture(kind, (40, 20 + at), (9 * at, 0, 255))
        for at, kind in enumerate(("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"))
    ]
    return {
        "copy": text,
        "yaml-to-json": yaml,
        "json-to-yaml": documents,
        "csv-to-jsonl": csv,
        "jsonl-to-csv": jsonl,
        "csv-to-parquet": csv,
        "jsonl-to-parquet": jsonl,
        "json-to-parquet": [b"[" + b",".join(lines.splitlines()) + b"]" for lines in jsonl] + documents[:1],
        "parquet-to-jsonl": tables,
        "parquet-to-csv": tables,
        "gzip": text,
        "zstd": text,
        "bzip2": text,
        "xz": text,
        "gunzip": [gzip.compress(content, mtime=0) for content in text]
        + [b"no", gzip.compress(text[0], mtime=0)[:-4], gzip.compress(bomb, mtime=0)],
        "unzstd": [zstandard.compress(content) for content in text]
        + [b"no", zstandard.compress(text[0])[:-2], zstandard.compress(bomb)],
        "bunzip2": [bz2.compress(content) for content in text]
        + [b"no", bz2.compress(text[0])[:-4], bz2.compress(bomb)],
        "unxz": [lzma.compress(content) for content in text]
        + [b"\xfd7zXZ", lzma.compress(text[0])[:-4], lzma.compress(bomb)],
        "unzip": [zipped(members) for members in archives]
        + [b"PK\x03\x04", zipped(members)[:-9], zipped({"../evil": b"x"}), zipped({"b": bomb})],
        "untar": [tarred(members) for members in archives]
        + [
            gzip.compress(tarred(members), mtime=0),
            tarred({"../evil": b"x"}),
            tarred({"/etc/x": b"x"}),
            tarred(members)[:700],
        ],
        "project": jsonl,
        "sql": csv,
        "line-filter": text,
        "redact": text,
        "text-encoding": [*text, b"\xc3"],
        "checksum": text,
        "thumbnail": [*pictures, pictures[0][:60], b"no picture", b"<svg/>"],
    }


def pipelines(queue, account, out, failed="failed"):
    """Return `windlass.toml` entries: one pipeline per step, from raw-ACCOUNT/STEP/ to `out`."""
    return "".join(
        f'\n[[pipeline]]\nname = "{step}"\n{queue}source = "s3://raw-{account}/{step}/"\ntransform = {_table(step)}\n'
        f'target = "s3://{out}/{step}/{{dir}}{{stem}}/{{name}}-{{index}}"\non_error = "s3://{out}/{failed}/"\n'
        for step in corpus()
    )


def _table(step):
    table = {"step": step} | OPTIONS.get(step, {})
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in table.items()) + " }"

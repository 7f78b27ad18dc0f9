"""The built-in steps, in the order of `windlass pipeline transforms`. A new one: one file, one row here, one test."""

from __future__ import annotations

from windlass.pipelines.model import Step
from windlass.pipelines.steps import (
    bzip2_codec,
    checksum,
    copy,
    csv_to_jsonl,
    csv_to_parquet,
    gzip_codec,
    json_to_parquet,
    json_to_yaml,
    jsonl_to_csv,
    line_filter,
    parquet_to_csv,
    parquet_to_jsonl,
    project,
    redact,
    sql,
    text_encoding,
    thumbnail,
    untar,
    unzip,
    xz_codec,
    yaml_to_json,
    zstd_codec,
)

__all__ = ["STEPS"]

STEPS: tuple[Step, ...] = (
    copy.STEP,
    yaml_to_json.STEP,
    json_to_yaml.STEP,
    csv_to_jsonl.STEP,
    jsonl_to_csv.STEP,
    csv_to_parquet.STEP,
    json_to_parquet.JSONL,
    json_to_parquet.JSON,
    parquet_to_jsonl.STEP,
    parquet_to_csv.STEP,
    gzip_codec.COMPRESS,
    gzip_codec.DECOMPRESS,
    zstd_codec.COMPRESS,
    zstd_codec.DECOMPRESS,
    bzip2_codec.COMPRESS,
    bzip2_codec.DECOMPRESS,
    xz_codec.COMPRESS,
    xz_codec.DECOMPRESS,
    unzip.STEP,
    untar.STEP,
    project.STEP,
    sql.STEP,
    line_filter.STEP,
    redact.STEP,
    text_encoding.STEP,
    checksum.STEP,
    thumbnail.STEP,
)

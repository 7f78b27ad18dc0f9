"""Runs on EMR Serverless: copies the objects of a manifest, server-side, from Spark's executors.

Arguments: the manifest (s3://bucket/key, rows of bucket,key[,version]), the destination bucket, its region. The script
imports only PySpark and boto3, which the executors have; Windlass is not there. It tries every object, and fails when
any object failed.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

__all__ = ["copy_rows", "main"]

_PARTS = 512


def copy_rows(rows: Iterable[str], destination: str, client: Any) -> tuple[int, list[str]]:
    """Copy the object of each row. Return the number of copies, and a line for each failure."""
    copied, failures = 0, []
    for row in rows:
        bucket, key, *version = row.rstrip("\r\n").split(",")
        source = {"Bucket": bucket, "Key": unquote_plus(key)}
        if version and version[0]:
            source["VersionId"] = version[0]
        try:
            # The managed copy uses multipart above 5 GB, and copies metadata and tags.
            client.copy(source, destination, source["Key"])
            copied += 1
        except Exception as error:  # noqa: BLE001  one object's failure must not end the partition's others
            failures.append(f"{key}: {error}")
    return copied, failures


def main(arguments: Sequence[str]) -> None:
    """Run as the driver: one Spark partition is one executor's share of the rows."""
    manifest, destination, region = arguments
    spark = importlib.import_module("pyspark.sql").SparkSession.builder.appName("windlass").getOrCreate()

    def work(rows: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        yield copy_rows(rows, destination, importlib.import_module("boto3").client("s3", region_name=region))

    outcomes = spark.sparkContext.textFile(manifest, _PARTS).mapPartitions(work).collect()
    failures = [line for _, lines in outcomes for line in lines]
    print(f"copied {sum(number for number, _ in outcomes)}, failed {len(failures)}")
    for line in failures[:1000]:
        print(line, file=sys.stderr)
    spark.stop()
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])

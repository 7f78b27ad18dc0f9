"""The embedded AWS as the engine's tests see it: one account, two regions, S3 over boto3, faults to order."""

import json
import threading
import urllib.request
import uuid

import boto3

from windlass.core.access import Access, Keys
from windlass.core.secret import Secret
from windlass.replication.direct.direct_copier import DirectCopier
from windlass.replication.direct.model import CopyContext, VerifyOptions
from windlass.replication.direct.run import SeedLimits
from windlass.replication.model import BucketRef, Pair
from windlass.replication.seed.task import CopyOptions, SeedTask

__all__ = ["FAST", "Aws", "copy_pair", "join_seed", "verify_pair"]

FAST = SeedLimits(start_per_s=100_000.0)


def copy_pair(copier, pair, *, seed_id="s", stop=None, on_progress=lambda _: None, **options):
    """Copy a pair directly, with the options of a seed."""
    return copier.seed(_task(pair, seed_id, options), CopyContext(stop or threading.Event(), on_progress))


def join_seed(copier, pair, *, seed_id="s", stop=None, on_progress=lambda _: None, **options):
    """Join a distributed seed."""
    return copier.join(_task(pair, seed_id, options), CopyContext(stop or threading.Event(), on_progress))


def verify_pair(copier, pair, *, stop=None, on_progress=lambda _: None, **options):
    """Compare both buckets."""
    return copier.verify(pair, VerifyOptions(**options), stop=stop or threading.Event(), on_progress=on_progress)


def _task(pair, seed_id, options):
    return SeedTask(seed_id=seed_id, pair=pair, options=CopyOptions(**options))


class Aws:
    """`url` of an embedded AWS, seen as `account`. It is also all that the engine asks of an estate."""

    def __init__(self, url, account):
        self.url, self.account = url, account
        self._clients = {}
        self.keys = Keys(account, Secret("windlass-local"))

    def s3(self, region="us-east-1"):
        if region not in self._clients:
            self._clients[region] = boto3.client(
                "s3",
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=self.account,
                aws_secret_access_key="windlass-local",
            )
        return self._clients[region]

    def close(self):
        for client in self._clients.values():
            client.close()

    def access(self, account_id, region, service):
        return Access(
            service=service,
            region=region,
            endpoint_url=self.url,
            keys=lambda: self.keys,
            path_style=True,
            account_id=account_id,
            read_timeout_s=10.0,
            user_agent="windlass/engine",
        )

    def pair(self, *, versioned=False, prefix=""):
        mark = uuid.uuid4().hex[:10]
        places = []
        for name, region in ((f"{mark}-source", "us-east-1"), (f"{mark}-target", "eu-west-1")):
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self.s3(region).create_bucket(Bucket=name, **where)
            if versioned:
                self.s3(region).put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            places.append(BucketRef(bucket=name, account_id=self.account, region=region))
        return Pair(source=places[0], destination=places[1], prefix=prefix)

    def fill(self, bucket, keys, body=b"x"):
        """Objects put straight into the server of this process: a hundred thousand in seconds."""
        from moto.s3.models import s3_backends

        backend = s3_backends[self.account]["aws"]
        for key in keys:
            backend.put_object(bucket, key, body)

    def listed(self, place):
        """{key: (size, ETag)} of a bucket."""
        pages = self.s3(place.region).get_paginator("list_objects_v2").paginate(Bucket=place.bucket)
        return {
            entry["Key"]: (entry["Size"], entry["ETag"])
            for page in pages
            for entry in page.get("Contents", [])
            if not entry["Key"].startswith(".windlass")
        }

    def make(self, place, key, bodies):
        """A key's history, oldest first: bytes are versions, None is a delete marker. The version ids."""
        client, result = self.s3(place.region), []
        for body in bodies:
            if body is None:
                result.append(client.delete_object(Bucket=place.bucket, Key=key)["VersionId"])
            else:
                result.append(client.put_object(Bucket=place.bucket, Key=key, Body=body)["VersionId"])
        return result

    def histories(self, place):
        """{key: [content, or None for a delete marker, oldest first]}, straight from the server of this process."""
        from moto.s3.models import FakeDeleteMarker, s3_backends

        keys = s3_backends[self.account]["aws"].buckets[place.bucket].keys
        return {
            key: [
                None if isinstance(version, FakeDeleteMarker) else version.value
                for version in reversed(keys.versions(key))
            ]
            for key in list(keys)
            if not key.startswith(".windlass")
        }

    def engine(self, home, **more):
        return DirectCopier(lambda: self, home, **({"limits": FAST} | more))

    def faults(self, rules, seed=1):
        body = json.dumps({"rules": rules, "seed": seed}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_windlass/faults", body, method="PUT")).read()

    def calls(self, **wanted):
        query = "&".join(f"{name}={value}" for name, value in {"limit": 1_000_000, **wanted}.items())
        return json.load(urllib.request.urlopen(f"{self.url}/_windlass/calls?{query}"))["calls"]

    def forget_calls(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_windlass/calls", method="DELETE")).read()

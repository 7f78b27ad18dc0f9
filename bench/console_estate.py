"""An estate with a year of history, written row by row as the writer would: 120 types of very unequal size."""

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from windlass.core.canonical import canonical_json, digest
from windlass.core.clock import format_time
from windlass.inventory.filters import value_text
from windlass.inventory.full_text import resource_words
from windlass.inventory.member_values import member_values, microseconds, pointer_hash
from windlass.inventory.networks import packed

END = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 365
TYPES, ACCOUNTS = 120, 12
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-1", "sa-east-1")
BATCH = 2000
WORDS = ("orders", "billing", "search", "media", "reports", "users", "audit", "mail")


@dataclass
class Sample:
    """Names, ids and numbers of some resources, in the same order."""

    names: list
    ids: list
    numbers: list


def build(store, resources, revisions):
    """Fill the store unless it is filled. Return the seconds that it took, and a sample."""
    with store.read() as connection:
        done = connection.execute(text("SELECT count(*) FROM resource")).scalar_one()
    started = time.perf_counter()
    if done < resources:
        write = Writer(store, resources, revisions)
        write.all()
    took_s = time.perf_counter() - started if done < resources else 0.0
    with store.read() as connection:
        rows = connection.execute(
            text("SELECT id, name, resource_id FROM resource WHERE deleted_at IS NULL AND id % 97 = 0 LIMIT 500")
        ).all()
    return took_s, Sample([row.name for row in rows], [row.resource_id for row in rows], [f"#{row.id}" for row in rows])


class Writer:
    """Writes the rows of all resources in batches."""

    def __init__(self, store, resources, revisions):
        self.store, self.resources, self.revisions = store, resources, revisions
        self.random = random.Random(11)
        self.revision_id = 0
        self.groups = {}

    def all(self):
        weights = [1 / (at + 2) for at in range(TYPES)]
        types = self.random.choices(range(TYPES), weights, k=self.resources)
        for start in range(1, self.resources + 1, BATCH):
            rows = {name: [] for name in ("resource", "revision", "member_value", "relation", "address", "words")}
            for row_id in range(start, min(start + BATCH, self.resources + 1)):
                self.one(rows, row_id, types[row_id - 1])
            with self.store.write() as connection:
                self.write(connection, rows)
        with self.store.write() as connection:
            groups = [
                {"id": number, "type": key[0], "account_id": key[1], "region": key[2]}
                for key, number in self.groups.items()
            ]
            insert(connection, "facet_group", groups)
        if self.store.dialect == "postgresql":
            with self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))

    def write(self, connection, rows):
        for name in ("resource", "revision", "member_value", "relation", "address"):
            insert(connection, name, rows[name])
        if self.store.dialect == "sqlite":
            insert(connection, "resource_words", rows["words"])
            return
        statement = (
            "INSERT INTO resource_words (rowid, words) VALUES (:rowid, setweight(to_tsvector('simple', :names), 'A') "
            "|| setweight(to_tsvector('simple', :tags), 'B') || to_tsvector('simple', :words))"
        )
        connection.execute(text(statement), rows["words"])

    def one(self, rows, row_id, type_number):
        chance = self.random
        type_ = f"kind.t{type_number:03}"
        account, region = f"{chance.randrange(ACCOUNTS) + 1:012}", REGIONS[min(int(chance.expovariate(0.8)), 5)]
        group = self.groups.setdefault((type_, account, region), len(self.groups) + 1)
        resource_id = f"{'abcdefgh'[type_number % 8]}x-{chance.getrandbits(68):017x}"
        word = chance.choice(WORDS)
        name = f"{word}-{('api', 'worker', 'store')[row_id % 3]}-service-{row_id:06}"
        arn = f"arn:aws:{type_[5:]}:{region}:{account}:thing/{resource_id}"
        document = self.document(row_id, type_, name, resource_id, arn, account, region)
        count = max(1, round(chance.gauss(self.revisions, self.revisions / 3)))
        moments = sorted({END - timedelta(days=DAYS) * chance.random() for _ in range(count)})
        if chance.random() < 0.6:  # most of the estate is older than the history's last half
            moments[0] = min(moments[0], END - timedelta(days=DAYS) + timedelta(seconds=row_id % 86_400))
        self.revision_id += 1
        states = [[moments[0], "created", [], canonical_json(document)]]
        since = dict.fromkeys(member_values(name, document.get("Tags", {}), document), moments[0])
        for at, moment in enumerate(moments[1:], 1):
            patch = []
            for path, value in self.changes(document):
                before = change(document, path, value)
                patch.append({"op": "replace", "path": "/" + "/".join(path), "value": value})
                pointer = pointer_hash(path)
                item = (pointer, value_text(before))
                rows["member_value"].append(self.member(item, group, row_id, since.pop(item), moment))
                since[pointer, value_text(value)] = moment
            states.append([moment, "updated", patch, canonical_json(document) if at % 16 == 0 else None])
        deleted = None
        if chance.random() < 0.04:
            deleted = moments[-1] + timedelta(hours=1)
            states.append([deleted, "deleted", [], None])
        rows["member_value"] += [self.member(item, group, row_id, start, deleted) for item, start in since.items()]
        self.revision_rows(rows, row_id, group, name, states)
        tags = document.get("Tags", {})
        rows["resource"].append(
            {
                "id": row_id,
                "key": arn,
                "type": type_,
                "account_id": account,
                "scope_region": region,
                "region": region,
                "resource_id": resource_id,
                "arn": arn,
                "name": name,
                "tags": canonical_json(tags),
                "document": canonical_json(document),
                "digest": digest(document),
                "measures": "{}",
                "revision_id": self.revision_id,
                "revisions": len(states),
                "first_seen_at": format_time(states[0][0]),
                "changed_at": format_time(states[-1][0]),
                "deleted_at": format_time(deleted) if deleted else None,
                "group_id": group,
            }
        )
        words = resource_words((name, resource_id), tags, (type_, arn, account, region), document)
        rows["words"].append({"rowid": row_id, **words._asdict()})
        start, end = format_time(states[0][0]), format_time(deleted) if deleted else None
        for kind, target in (("uses-role", document["Role"]), ("in-vpc", document["Network"]["VpcId"])):
            rows["relation"].append(
                {
                    "source_row_id": row_id,
                    "kind": kind,
                    "target": target,
                    "target_type": "",
                    "valid_from": start,
                    "valid_to": end,
                }
            )
        ip = document["Network"]["PrivateIp"]
        rows["address"].append(
            {"address": ip, "packed": packed(ip), "resource_row_id": row_id, "valid_from": start, "valid_to": end}
        )

    def document(self, row_id, type_, name, resource_id, arn, account, region):
        chance = self.random
        document = {
            "Arn": arn,
            "Id": resource_id,
            "Name": name,
            "State": "active",
            "Version": 1,
            "CreatedAt": "2025-10-01T00:00:00Z",
            "Role": f"arn:aws:iam::{account}:role/{WORDS[row_id % 8]}",
            "Config": {"Size": row_id, "Encrypted": row_id % 7 != 0, "Mode": "standard", f"Of{type_[5:]}": True},
            "Network": {
                "VpcId": f"vpc-{int(account):08x}",
                "SubnetId": f"subnet-{row_id % 4000:08x}",
                "PrivateIp": f"10.{row_id >> 16 & 255}.{row_id >> 8 & 255}.{row_id & 255}",
            },
            "Rules": [{"Id": str(number), "Port": 8000 + number, "Source": region} for number in range(5)],
            "Description": f"the {name} of {account} in {region}, kept for measurements of a large estate",
        }
        if chance.random() < 0.85:
            document["Tags"] = {"team": f"team-{row_id % 9}", "env": ("prod", "test", "dev")[row_id % 3], "Name": name}
        return document

    def changes(self, document):
        """Yield the members that a change of a resource replaces, and their new values."""
        chance = self.random.random()
        yield ("Version",), document["Version"] + 1
        if chance < 0.3:
            yield ("State",), "stopped" if document["State"] == "active" else "active"
        elif chance < 0.4 and "Tags" in document:
            teams = [f"team-{number}" for number in range(9)]
            teams.remove(document["Tags"]["team"])
            yield ("Tags", "team"), self.random.choice(teams)
        elif chance < 0.6:
            yield ("Config", "Encrypted"), not document["Config"]["Encrypted"]

    def revision_rows(self, rows, row_id, group, name, states):
        for at, (moment, kind, patch, keyframe) in enumerate(states):
            if at:
                self.revision_id += 1
            following = states[at + 1][0] if at + 1 < len(states) else None
            rows["revision"].append(
                {
                    "revision_id": self.revision_id,
                    "resource_row_id": row_id,
                    "change": kind,
                    "valid_from": format_time(moment),
                    "valid_to": format_time(following) if following else None,
                    "patch": json.dumps(patch),
                    "keyframe": keyframe,
                    "name": name,
                    "run_id": "run",
                    "actor": "",
                    "event_id": "",
                    "group_id": group,
                }
            )

    def member(self, item, group, row_id, start, end):
        return {
            "pointer": item[0],
            "value": item[1],
            "group_id": group,
            "resource_row_id": row_id,
            "valid_from": microseconds(start),
            "valid_to": microseconds(end) if end else None,
        }


def change(document, path, value):
    """Replace one member of a document. Return its value before."""
    for name in path[:-1]:
        document = document[name]
    before, document[path[-1]] = document[path[-1]], value
    return before


def insert(connection, table, rows):
    """Insert rows of one shape."""
    if rows:
        names = list(rows[0])
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
        cursor = connection.connection.cursor()
        cursor.executemany(statement, [tuple(row.values()) for row in rows])
        cursor.close()

"""Migration 0020: images and snapshots that are stored keep their history under the ARN that AWS gives them."""

from sqlalchemy import insert

from tests.inventory.test_names_migration import RESOURCE
from windlass.inventory.tables import resource
from windlass.store.config import StoreConfig
from windlass.store.database import open_store
from windlass.store.schema import _run, _scripts, upgrade

OWNER = "111111111111"


def arn(kind, account_id=OWNER):
    return f"arn:aws:ec2:eu-west-1:{account_id}:{kind}-1"


def test_the_account_leaves_the_arns_of_images_and_snapshots_alone(store_url):
    kinds = {"ec2.image": "image/ami", "ec2.snapshot": "snapshot/snap", "ec2.volume": "volume/vol"}
    with open_store(StoreConfig(url=store_url), migrated=False) as store:
        with store.write() as connection:
            _run(connection, _scripts(), "0019")
            for number, (name, kind) in enumerate(kinds.items()):
                row = RESOURCE | {"id": number, "type": name, "key": arn(kind), "arn": arn(kind)}
                connection.execute(insert(resource).values(**row))
        upgrade(store)
        with store.read() as connection:
            rows = {row.type: (row.key, row.arn) for row in connection.execute(resource.select())}
    assert rows == {
        "ec2.image": (arn("image/ami", ""),) * 2,
        "ec2.snapshot": (arn("snapshot/snap", ""),) * 2,
        "ec2.volume": (arn("volume/vol"),) * 2,
    }

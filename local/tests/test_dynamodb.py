"""DynamoDB under many hands: transactions, conditions and time to live, where moto alone loses or keeps too much."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "777777777010"
ADD = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}


@pytest.fixture
def tables(aws):
    return aws("dynamodb", account=ACCOUNT)


def make(tables, sort=False):
    name = f"t-{uuid.uuid4().hex[:8]}"
    keys = [("k", "HASH"), *([("s", "RANGE")] if sort else [])]
    tables.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
    )
    return name


def number(tables, table):
    return int(tables.get_item(TableName=table, Key={"k": {"S": "a"}})["Item"]["n"]["N"])


def test_transactions_over_two_tables_and_single_updates_lose_nothing_together(tables):
    left, right = make(tables), make(tables)
    key = {"Key": {"k": {"S": "a"}}}

    def write(count):
        if count % 3:
            tables.update_item(TableName=(left, right)[count % 2], **key, **ADD)
            return
        order = (left, right) if count % 2 else (right, left)
        tables.transact_write_items(TransactItems=[{"Update": {"TableName": name, **key, **ADD}} for name in order])

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(write, range(300)))
    assert number(tables, left) + number(tables, right) == 200 + 2 * 100


def test_one_of_many_wins_a_condition(tables):
    table = make(tables)

    def claim(count):
        item = {"k": {"S": "a"}, "n": {"N": str(count)}}
        try:
            tables.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(k)")
        except tables.exceptions.ConditionalCheckFailedException:
            return None
        return count

    with ThreadPoolExecutor(12) as threads:
        winners = [count for count in threads.map(claim, range(60)) if count is not None]
    assert winners == [number(tables, table)]


def test_a_refused_transaction_changes_nothing(tables):
    table = make(tables)
    tables.put_item(TableName=table, Item={"k": {"S": "a"}, "n": {"N": "1"}})
    fails = {"Put": {"TableName": table, "Item": {"k": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(k)"}}
    writes = {"Put": {"TableName": table, "Item": {"k": {"S": "b"}}}}
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        tables.transact_write_items(TransactItems=[writes, fails])
    assert tables.scan(TableName=table)["Count"] == 1


def test_time_to_live_removes_what_is_past_it_and_nothing_else(tables):
    table = make(tables, sort=True)
    soon, later = str(int(time.time()) - 5), str(int(time.time()) + 3600)
    for sort, until in (("past", {"N": soon}), ("later", {"N": later}), ("text", {"S": soon}), ("none", None)):
        tables.put_item(TableName=table, Item={"k": {"S": "a"}, "s": {"S": sort}} | ({"until": until} if until else {}))
    query = {"TableName": table, "KeyConditionExpression": "k = :k", "ExpressionAttributeValues": {":k": {"S": "a"}}}
    assert tables.query(**query)["Count"] == 4, "nothing expires before it is asked for"
    tables.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    deadline = time.monotonic() + 10
    while tables.query(**query)["Count"] == 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [item["s"]["S"] for item in tables.query(**query)["Items"]] == ["later", "none", "text"]
    assert "Item" not in tables.get_item(TableName=table, Key={"k": {"S": "a"}, "s": {"S": "past"}})


def test_partiql_sees_and_changes_the_same_items(tables):
    table = make(tables)
    tables.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'k': 'a', 'n': 1}}")
    tables.update_item(TableName=table, Key={"k": {"S": "a"}}, **ADD)
    assert tables.execute_statement(Statement=f"SELECT n FROM \"{table}\" WHERE k = 'a'")["Items"] == [
        {"n": {"N": "2"}}
    ]


def test_the_same_table_name_in_another_region_is_another_table(tables, aws):
    table = make(tables)
    for other in (aws("dynamodb", account="777777777011"), aws("dynamodb", account=ACCOUNT, region="eu-west-1")):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            other.describe_table(TableName=table)

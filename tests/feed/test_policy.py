"""`windlass policy inventory` has what the feed calls, and only when there is a feed."""

from tests.deploy.proving import settings_of, statements_of
from windlass.deploy.policy import PolicyIdentity

FEED = """
[inventory]
types = ["sqs.queue"]
bucket_sizes_interval_s = 0
[feed]
queue = "windlass-feed-events"
account = "111111111111"
region = "eu-west-1"
file_buckets = ["trail"]
"""


def allowed(folder, text):
    (folder / "windlass.toml").write_text(text)
    statements = statements_of(settings_of(folder), "inventory", PolicyIdentity.WORKER)
    return {(action, arn) for statement in statements for action in statement.actions for arn in statement.resources}


def test_the_feeds_queue_and_files_are_in_the_policy(tmp_path):
    queue = "arn:aws:sqs:eu-west-1:111111111111:windlass-feed-events"
    feed = allowed(tmp_path, FEED) - allowed(tmp_path, FEED.partition("[feed]")[0])
    assert {arn for action, arn in feed if action == "sqs:ReceiveMessage"} == {queue}
    assert {arn for action, arn in feed if action == "sqs:SendMessage"} == {f"{queue}-*"}
    assert ("s3:GetObject", "arn:aws:s3:::trail/*") in feed
    assert ("s3:ListBucket", "arn:aws:s3:::trail") in feed
    assert {action for action, _ in feed} == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
        "s3:ListBucket",
        "s3:GetObject",
    }

"""Functions for the Lambda tests: zips from source, roles, queues, and waiting for what comes."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import uuid
import zipfile
from pathlib import Path
from typing import Any

ACCOUNT = "111111111111"


def fresh(prefix: str = "fn") -> str:
    """A name nobody has."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Lab:
    """One account's clients, and the few steps that every test takes."""

    def __init__(self, aws: Any, account: str = ACCOUNT, region: str = "us-east-1") -> None:
        def client(service: str) -> Any:
            return aws(service, account=account, region=region)

        self.account, self.region, self.client = account, region, client
        self.functions = client("lambda")
        self.sqs = client("sqs")
        name = fresh("role")
        self.role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def function(
        self, source: str, *, name: str = "", handler: str = "main.handler", files: Any = None, **more: Any
    ) -> str:
        """Create a function from the source of main.py; its name. `files` are added to its zip."""
        name = name or fresh()
        self.functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=self.role,
            Handler=handler,
            Code={"ZipFile": zipped({"main.py": source, **(files or {})})},
            **more,
        )
        return name

    def call(self, name: str, event: Any = None, **more: Any) -> tuple[Any, dict[str, Any]]:
        """Invoke and wait: the answer, parsed, and the whole response."""
        response = self.functions.invoke(
            FunctionName=name, Payload=json.dumps(event if event is not None else {}), **more
        )
        body = response["Payload"].read()
        return json.loads(body) if body else None, response

    def send(self, name: str, event: Any = None) -> dict[str, Any]:
        """Invoke without waiting: the response, read to its end."""
        payload = json.dumps(event if event is not None else {})
        response = self.functions.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
        return response

    def queue(self, **attributes: Any) -> tuple[str, str]:
        """A queue: its URL and ARN. `name` sets its name."""
        name = attributes.pop("name", fresh("q"))
        url = self.sqs.create_queue(QueueName=name, Attributes={k: str(v) for k, v in attributes.items()})["QueueUrl"]
        return url, f"arn:aws:sqs:{self.region}:{self.account}:{name}"

    def received(self, url: str, count: int, *, within_s: float = 20.0) -> list[Any]:
        """The JSON bodies of the next `count` messages; fewer only if they don't come in time."""
        result: list[Any] = []
        deadline = time.monotonic() + within_s
        while len(result) < count and time.monotonic() < deadline:
            got = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", [])
            for each in got:
                result.append(json.loads(each["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return result

    def counts(self, url: str) -> tuple[int, int]:
        """Messages visible and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(attributes[names[0]]), int(attributes[names[1]])

    def log(self, name: str) -> list[str]:
        """All log lines of a function, in the order they were written."""
        events = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return [each["message"].rstrip("\n") for each in events]


def processes(url: str, name: str) -> list[dict[str, Any]]:
    """The runtime processes of a function, as the embedded AWS tells of them."""
    with urllib.request.urlopen(f"{url}/_windlass/functions", timeout=10) as answer:
        return [each for each in json.load(answer)["processes"] if each["function"] == name]


def is_running(pid: int) -> bool:
    """Whether there is a process of that id that has not ended."""
    try:
        is_zombie = "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
        return (
            not is_zombie or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
        )  # its other threads end first, or last
    except OSError:
        return False


def until(check: Any, *, within_s: float = 20.0) -> Any:
    """What `check` returns as soon as that is true; fails when it never is."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        result = check()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"it never came to be: {check}")


TELL = """
import json, os, boto3
sqs = boto3.client("sqs")
def tell(what):
    sqs.send_message(QueueUrl=os.environ["TELL"], MessageBody=json.dumps(what))
"""
"""A module for functions that report to the queue whose URL is in TELL."""

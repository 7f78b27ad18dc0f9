"""Every step over a corpus, as a worker and as the Lambda function it is deployed as: the same bytes, the same refusals."""

import io
import json
import signal
import zipfile

import pytest

from tests.e2e.test_pipeline import CONFIG, World
from tests.pipelines.corpus import corpus, pipelines
from windlass.pipelines.steps import STEPS
from windlass_local.server import LocalServer


@pytest.fixture
def world(tmp_path):
    with LocalServer() as server:
        made = World(server, tmp_path)
        yield made
        made.close()


def config(world, queue, out):
    return CONFIG.format(account=world.account) + pipelines(queue, world.account, out)


def deployed(world, text):
    """The function of the handler that people deploy, with windlass.toml in its zip, mapped to the queue."""
    role = world.clients["iam"].create_role(RoleName="pipelines", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code = io.BytesIO()
    (world.folder / "windlass-function.toml").write_text(text, "utf-8")  # what its policy is made from
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("windlass.toml", text)
    world.clients["lambda"].create_function(
        FunctionName="pipelines",
        Runtime="python3.12",
        Handler="windlass.functions.pipeline.handler",
        Role=role,
        Timeout=30,
        MemorySize=1024,
        Code={"ZipFile": code.getvalue()},
    )
    world.clients["lambda"].create_event_source_mapping(
        EventSourceArn=world.arn,
        FunctionName="pipelines",
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


@pytest.mark.timeout(600)
def test_the_lambda_function_makes_what_the_worker_makes(world):
    found = corpus()
    assert set(found) == {step.name for step in STEPS}
    inputs = {f"{step}/i{at:02}.bin": body for step, bodies in found.items() for at, body in enumerate(bodies)}
    assert len(inputs) >= 200
    (world.folder / "windlass.toml").write_text(config(world, 'queue = "raw-events"\n', world.out), "utf-8")
    worker = world.work()
    world.put(inputs)
    world.wait(lambda: world.left() == 0, 250)
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)
    made = world.contents(world.out)
    reasons = {key: json.loads(body) for key, body in made.items() if key.endswith(".reason.json")}
    plain = {key: body for key, body in made.items() if key not in reasons}

    # Each input came to exactly one end: outputs, or itself under failed/ with a reason.
    refused = {key.removeprefix("failed/").removesuffix(".reason.json") for key in reasons}
    through = {
        f"{step}/{rest.partition('/')[0]}.bin"
        for step, _, rest in (key.partition("/") for key in plain)
        if step != "failed"
    }
    assert refused | through == set(inputs)
    assert refused & through == set()
    assert all(plain[f"failed/{key}"] == inputs[key] for key in refused)
    assert len(through) >= 140
    assert {reason["reason"] for reason in reasons.values()} >= {
        "malformed",
        "not-text",
        "truncated",
        "bomb",
        "unsafe-name",
        "unsupported",
    }

    other = f"lambda-{world.account}"
    world.s3.create_bucket(Bucket=other)
    deployed(world, config(world, "", other))
    world.put(inputs)
    world.wait(lambda: len(world.keys(other)) >= len(made) and world.left() == 0, 250)
    again = world.contents(other)
    assert {key: body for key, body in again.items() if key not in reasons} == plain
    told = {key: json.loads(again[key]) for key in reasons}
    said = ("pipeline", "key", "reason", "message", "hint")
    assert {key: [one[name] for name in said] for key, one in told.items()} == {
        key: [one[name] for name in said] for key, one in reasons.items()
    }

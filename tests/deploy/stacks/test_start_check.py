"""A deployed function is called once before any event reaches it, and the user's own transform comes with it."""

import time

import pytest

from tests.deploy.stacks.world import PIPELINE

OWN = PIPELINE.replace('transform = "yaml-to-json"', 'transform = "mine.shout:run"').replace(
    "{{stem}}.json", "{{name}}"
)


@pytest.fixture
def project(world, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    (world.folder / "windlass.toml").write_text(world.config(OWN), "utf-8")
    package = world.folder / "mine"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "loud.py").write_text("def loud(text):\n    return text.upper()\n")
    return package


@pytest.mark.timeout(200)
def test_an_own_transform_is_packed_and_runs(world, project):
    (project / "shout.py").write_text(
        "from mine.loud import loud\n\n\ndef run(content: bytes) -> bytes:\n    return loud(content.decode()).encode()\n"
    )
    world.say("deploy", "create", "pipeline", "uniform")
    s3 = world.client("s3")
    s3.put_object(Bucket=world.raw, Key="in/a.yaml", Body=b"hello")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        objects = s3.list_objects_v2(Bucket=world.out).get("Contents", [])
        if objects:
            break
        time.sleep(0.3)
    assert s3.get_object(Bucket=world.out, Key=objects[0]["Key"])["Body"].read() == b"HELLO"
    again = world.say("deploy", "create", "pipeline", "uniform")
    assert "Nothing to do" in again.stderr


@pytest.mark.timeout(200)
def test_a_function_that_does_not_start_gets_no_events(world, project):
    (project / "shout.py").write_text(
        "import os\n\nif 'AWS_LAMBDA_FUNCTION_NAME' in os.environ:\n    raise RuntimeError('no licence here')\n\n\n"
        "def run(content: bytes) -> bytes:\n    return content\n"
    )
    done = world.say("deploy", "create", "pipeline", "uniform", code=254)
    assert "does not start" in done.stderr
    assert "no licence here" in done.stderr
    assert world.notification(world.raw) == {}

"""A secret that an error quotes is in no traceback of `--debug`, no message, no scope and no log of a job."""

import subprocess
import sys

import pytest

from tests.inventory.fake import FakeCaller
from tests.inventory.planted import planted
from tests.inventory.test_revisions import inventory_of
from windlass.core.errors import AwsError
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.jobs.service import Jobs

FORMATS = planted()


@pytest.mark.parametrize("name", ["github", "url password", "assignment", "private key", "aws secret key"])
def test_a_traceback_of_debug_shows_no_secret(name):
    secret, text = FORMATS[name]
    program = (
        "import sys, threading\n"
        "from windlass.cli import main as cli\n"
        "def broken(arguments, *, debug):\n"
        "    def fail(): raise ValueError('could not read ' + sys.stdin.read())\n"
        "    text = sys.stdin.read()\n"
        "    worker = threading.Thread(target=lambda: (_ for _ in ()).throw(KeyError(text)))\n"
        "    worker.start(); worker.join()\n"
        "    raise RuntimeError('could not read ' + text)\n"
        "cli._run = broken\n"
        "cli.main(['--debug', 'whoami'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError: could not read" in done.stderr
    assert "KeyError" in done.stderr
    shown = done.stdout + done.stderr
    for part in (line for line in secret.split("\n") if not line.startswith("-----")):
        assert part not in shown


def test_neither_a_jobs_log_nor_its_error_keeps_what_an_exception_quotes(sqlite_store):
    jobs = Jobs(sqlite_store)
    for name, (secret, text) in FORMATS.items():
        job_id = jobs.create("test", "a job")
        with pytest.raises(ValueError, match="could not"), jobs.run(job_id) as running:
            running.log(f"reading {text}")
            running.report(detail=f"at {text}")
            raise ValueError(f"could not read {text}")
        kept = repr(jobs.get(job_id)) + "".join(entry.message for entry in jobs.log(job_id))
        assert "could not read" in kept
        for part in (line for line in secret.split("\n") if not line.startswith("-----")):
            assert part not in kept, name


@pytest.mark.parametrize("name", ["github", "url password", "assignment", "private key", "aws secret key"])
def test_a_scopes_error_keeps_no_secret(sqlite_store, name):
    secret, text = FORMATS[name]
    caller = FakeCaller({("sqs", "ListQueues"): AwsError(f"the service says {text}", code="Odd")})
    inventory = Inventory(sqlite_store, lambda: caller, InventoryConfig())
    run = inventory.collect(inventory.options(types=["sqs.queue"]))
    errors = [status.error for status in inventory.run_scopes(run.run_id)]
    assert errors
    assert all("the service says" in error for error in errors)
    assert not [error for error in errors if any(part in error for part in secret.split("\n")[1:] or [secret])]
    assert inventory_of(sqlite_store).stats().resources == 0

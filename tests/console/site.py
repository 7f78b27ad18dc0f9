"""A console over a small estate with a history, in this process: what page and browser tests look at."""

import contextlib
import threading
from datetime import timedelta
from pathlib import Path

from windlass.app import App
from windlass.core import clock
from windlass.inventory import runs, writer
from windlass.inventory.model import Edge, Observation, Scope, ScopeResult, ScopeState
from windlass.settings import load

ACCOUNTS = {"111111111111": "harbour-prod", "222222222222": "harbour-data"}
REGIONS = ("eu-west-1", "us-east-1")


def _observe(scope, name, document, *, arn="", region="", edges=(), addresses=(), measures=None):
    return Observation(
        type=scope.type,
        account_id=scope.account_id,
        region=region or scope.region,
        resource_id=name,
        name=name,
        arn=arn or f"arn:aws:{scope.type.split('.')[0]}:{scope.region}:{scope.account_id}:{name}",
        tags=document.get("Tags", {}),
        document=document,
        edges=tuple(edges),
        addresses=tuple(addresses),
        measures=measures or {},
    )


def _estate(day):
    """What is seen on a day: a bucket changes, one comes, one goes."""
    for account in ACCOUNTS:
        scope = Scope(account, "aws-global", "s3.bucket")
        yield (
            scope,
            ScopeState.OK,
            [
                _observe(
                    scope,
                    f"{ACCOUNTS[account]}-{name}",
                    region=REGIONS[number % 2],
                    arn=f"arn:aws:s3:::{ACCOUNTS[account]}-{name}",
                    measures={"size_bytes": 10**9 * (number + 1), "object_count": 1000 * number},
                    edges=[Edge("notifies", f"arn:aws:sqs:eu-west-1:{account}:pay-0", "sqs.queue")]
                    if number == 0
                    else [],
                    document={
                        "Name": name,
                        "Tags": {"team": ("web", "data")[number % 2], "env": "prod"} if number else {},
                        "Versioning": {"Status": "Enabled"} if day >= number else {},
                        "PolicyStatus": {"IsPublic": number == 3},
                        "Lifecycle": None,
                        "Xss": "<script>alert(1)</script>",
                    },
                )
                for number, name in enumerate(
                    ["assets", "ledger", "lake", "footage", *(["new-one"] if day > 1 else ["old-one"])]
                )
            ],
        )
        for region in REGIONS:
            queues = Scope(account, region, "sqs.queue")
            yield (
                queues,
                ScopeState.OK,
                [
                    _observe(queues, f"pay-{n}", {"Delay": n, "Tags": {"team": "payments"}}, addresses=[f"10.0.0.{n}"])
                    for n in range(4)
                ],
            )
            denied = ScopeState.DENIED if account == "222222222222" and region == "us-east-1" else ScopeState.OK
            yield Scope(account, region, "ec2.instance"), denied, []


def fill(app):
    """Four days of visits, one done job, one that runs."""
    now = clock.now()
    for day in range(4):
        at = now - timedelta(days=3 - day, minutes=5)
        run = runs.begin_run(app.store, now=at, scopes_total=10)
        for number, (scope, state, seen) in enumerate(_estate(day)):
            moment = at + timedelta(seconds=number)
            writer.write_result(
                app.store,
                run,
                ScopeResult(
                    scope=scope,
                    state=state,
                    observations=tuple(seen) if state.complete else (),
                    calls=5,
                    started_at=at,
                    finished_at=moment,
                    error="no permission" if not state.complete else "",
                    error_code="" if state.complete else "AccessDenied",
                ),
            )
        runs.finish_run(app.store, run, status="partial", now=at + timedelta(seconds=30))


@contextlib.contextmanager
def opened_app(folder: Path, **settings):
    """The composition root over a filled store; its estate is the embedded AWS's address, which nothing asks."""
    accounts = [{"id": account, "alias": alias} for account, alias in ACCOUNTS.items()]
    overrides = {
        "store.url": f"sqlite:///{folder}/w.db",
        "estate.endpoint_url": "http://127.0.0.1:1",
        "estate.accounts": accounts,
        **settings,
    }
    loaded = load(overrides=overrides, environ={}, cwd=folder)
    with App(loaded, environ={}) as app:
        fill(app)
        yield app


@contextlib.contextmanager
def served(app, **options):
    """The console on a free port, on a thread; its address."""
    from windlass.console.serve import serve

    up, stop, address = threading.Event(), threading.Event(), []

    def ready(url):
        address.append(url)
        up.set()

    thread = threading.Thread(
        target=serve, args=(app,), kwargs={"host": "127.0.0.1", "port": 0, "ready": ready, "stop": stop} | options
    )
    thread.start()
    assert up.wait(20)
    try:
        yield address[0]
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive(), "the console must stop when told, open streams or not"

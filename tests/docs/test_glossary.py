"""The left column of docs/glossary.md is found nowhere in the source: classes, names, modules and options that were renamed."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".py", ".html", ".js", ".css", ".toml"}

NAMES = (
    # Any occurrence of the word
    r"\bManners\b",
    r"\bDesk\b",
    r"\bDoors?\b",
    r"\bCrew\b",
    r"\bSides\b",
    r"\bWays\b",
    r"\bLanes?\b",
    r"\bSink\b",
    r"\bshaken\b",
    r"\bcarrying\b",
    r"\bcarry_(?:out|over)\b",
    r"\bOURS\b|\bFROZEN\b|\bHOPELESS\b",
    r"\bsatellites\b",
    r"\bsteering\b",
    r"\bpostponing\b",
    r"\bbury\b|\bburial\b|\boverruns\b|\bovertime\b",
    r"\bunvisited\b|\bvisited_at\b|\bstreak\b",
    r"AccessRefused|NotSpoken|ASK_STATS|TheApp|KeyRing|SharedLoop|LeanKey|LeanMarker|RoleDoor",
    r"\bscope_trouble\b|\bdetail_gap\b|\bdetail_gaps\b",
    r"\bwrite_satellites\b|\bput_together\b|\bload_aws\b|\bbundle_wheels\b|\bnoise_of\b|\bthe_app\b|\bjob_value\b",
    r"\b(?:resource|source)_pk\b",
    r"\blate_errors\b|\bas_it_is\b|\bopen_x\b",
    r"\bseed\.facts\b",
    # Settings, options and addresses
    r"\bat_once\b|\bgather_s\b|\bsweep_s\b|\bcopy_up_to_bytes\b|\bcount_up_to\b|\bcanary_s\b|\brole_settles_s\b",
    r"\"--(?:carry|failed-of|share|all)\"",
    r"/_windlass/caches",
    r"\btook=",
    r"\b(?:Broken|Bad|Unidentified|Put)Answer\b|\basked_scopes\b|\bnext_ask_s\b|\basks_all\b|\bgoes_on\b|\blook_s\b",
    r"\b_LOOKS?(?:_AT_ONCE|_S)?\b|\b_MOST_LOOKS\b|\b_LOOKED_AT\b|\bfor one in\b",
    r"\bticking\b|\bmade_up\b|\bSourceMoved\b|\bLookAt(?:Source|Target)\b",
    # Classes
    r"\bclass (?:Hooks|Steps|Again|Flow|Way|Place|Engine)\b",
    r"\bclass (?:Moved|Compared|Trouble|Merged|Counted|Passed|Measured|Spot|Staging|Work)\b",
    r"\bclass (?:Ask|Finder|Situation|Elsewhere|Memory|Found|Refuse|Released)\b",
    r"\bclass (?:Acting|Hands|_Hands|Moment|Note|Hold|Disarm|Rotate|Act|Send|Later|Started)\b",
    r"\bclass (?:Handled|Refused|Opened|Task|Target|Payload|Look|Notify|Kept|Via)\b",
    r"\bclass (?:Pulse|Logins|Asked|Ages|Known|Garbled|Folder|Folded|Who)\b",
    r"\bclass (?:Blocking|Copies|Secured|Notice|Tell|Fleet)\b",
)
"""A name that another part of the house may have for another thing is not here, but in NAMES_OF_PACKAGES."""

NAMES_OF_PACKAGES = (
    ("src/windlass/queues", r"\bclass (?:Received|Leases?|Call)\b|\b_carry_out\b"),
    (
        "src/windlass/replication",
        r"\bclass (?:Board|Outcome|Verdict|Action|Request|State|Limits|Step|Clients|Digest|Explained|Caller)\b"
        r"|\bcrew\b|\bhooks\b|\bbegin_sharing\b|\bboard_place\b|--carry\b",
    ),
    ("local/src/windlass_local", r"\bclass (?:Rule|Effect|Identity)\b"),
    ("src/windlass/inventory", r"\bclass (?:Effect|Known)\b"),
    (
        "src/windlass/aggregation",
        r"\bclass (?:Part|Tally|Item)\b|\bsweep|\bevery_s\b|\btook_s\b",
    ),
    (
        "src/windlass/deploy",
        r"\bclass (?:Part|Check|Ask|Facts|Use|Verdict)\b|\bsweep",
    ),
    (
        "src/windlass/pipelines",
        r"\bclass (?:Body|Clients|Worker|Outcome|Verdict|Put|Delete|Outbox|Template)\b|\blook_first\b",
    ),
    ("src/windlass/clients", r"\bclass (?:Holder|Finding|Digest|Scan|Use|Worker|Read)\b"),
    ("src/windlass/api", r"\bclass (?:Guard|Outcome)\b"),
    ("src/windlass/clients", r"\bclass Trouble\b|\bnoise\b"),
    *(
        (f"src/windlass/{package}", r"\bfor (?:one|each) in |\n +(?:one|found|said|made|asked|mine|told) = ")
        for package in ["aggregation", "clients", "deploy", "events", "functions", "memcached", "observe", "pipelines"]
    ),
    ("local/src/windlass_local/batch", r"\bclass (?:Lane|Door)\b"),
)

MODULES = (
    ("aggregation", "acting carrying engine sweeping ticking"),
    ("api", "attempts guard logins measure permit"),
    ("cli", "local rounds"),
    ("clients", "folding noise scanning trailing"),
    ("console", "caches depths desk entrance live marks memory noderings render serve session sides steering"),
    ("deploy", "bundle_wheels bundling reach zip_write"),
    ("inventory", "extract history lanes redact satellites visit"),
    ("memcached", "scaling"),
    ("pipelines", "build counted engine handling opening paced perform reading refusing settle user writing"),
    ("queues", "board bury core finding measure redriving released together unpack unwrap"),
    ("replication", "carry carrying choose crew elsewhere engine lines rounds shown steps walk"),
    ("store", "migrate"),
    ("wire", "copies door flow lane manners secured"),
)


@cache
def texts() -> dict[str, str]:
    """Return the text of each source file by its path; migrations keep the names of their time."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for folder in ("src", "local/src")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES and "migrations" not in path.parts
    }


def found(pattern: str, folder: str = "") -> list[str]:
    return [
        f"{path}: {match[0]}"
        for path, text in texts().items()
        if path.startswith(folder)
        for match in re.finditer(pattern, text)
    ]


def test_the_source_is_read():
    assert len(texts()) > 500
    assert found(r"\bRetryPolicy\b")


@pytest.mark.parametrize("pattern", NAMES)
def test_a_renamed_name_is_gone(pattern):
    assert found(pattern) == [], "docs/glossary.md has the new name"


@pytest.mark.parametrize(("package", "pattern"), NAMES_OF_PACKAGES)
def test_a_renamed_name_is_gone_from_its_package(package, pattern):
    assert (ROOT / package).is_dir()
    assert found(pattern, package + "/") == [], "docs/glossary.md has the new name"


@pytest.mark.parametrize(("package", "names"), MODULES, ids=[package for package, _ in MODULES])
def test_a_renamed_module_is_gone(package, names):
    folder = ROOT / "src/windlass" / package
    assert folder.is_dir()
    modules = {
        path.stem for path in folder.rglob("*.py") if "commands" not in path.parts
    }  # a command's file is its verb
    assert modules & set(names.split()) == set()

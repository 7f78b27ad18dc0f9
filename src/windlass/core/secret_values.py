"""Secrets recognised by value: token formats, passwords in URLs and assignments, random text. Pure.

The formats are the services' own, from their public documentation; a prefix that a service chose makes a match certain.
`mask_secrets` replaces each secret and leaves the text around it.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator

from windlass.core.secret_names import is_reference, is_secret_name

__all__ = ["REDACTED", "entropy_secrets", "mask_secrets", "secret_spans", "simple_mask"]

Span = tuple[int, int, str]
"""Start and end of a secret in a text, and the rule that found it."""

REDACTED = re.compile(r"redacted:[a-z0-9-]+:[0-9a-f]{16}")

# (rule, pattern). Each alternative begins with a literal, so that the regex engine skips most positions.
_FORMATS = (
    ("github-token", r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}"),
    ("gitlab-token", r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_\-]{18,}"),
    ("slack-token", r"xox[abeoprsc](?:\.xox[a-z])?-[A-Za-z0-9\-]{10,}|xapp-[0-9]-[A-Za-z0-9\-]{10,}"),
    ("stripe-key", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"),
    ("google-key", r"AIza[0-9A-Za-z_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,}|GOCSPX-[A-Za-z0-9_\-]{20,}"),
    ("sendgrid-key", r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"),
    ("twilio-key", r"SK[0-9a-f]{32}(?![0-9a-f])"),
    ("mailgun-key", r"key-[0-9a-f]{32}(?![0-9a-f])"),
    ("npm-token", r"npm_[A-Za-z0-9]{30,}"),
    ("pypi-token", r"pypi-[A-Za-z0-9_\-]{32,}"),
    ("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{20,}"),
    ("vault-token", r"hv[sbr]\.[A-Za-z0-9_\-]{20,}"),
    ("digitalocean-token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("shopify-token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("square-token", r"sq0(?:atp|csp)-[A-Za-z0-9_\-]{20,}"),
    ("ai-key", r"sk-(?:proj|svcacct|admin|ant)-[A-Za-z0-9_\-]{20,}|sk-[A-Za-z0-9]{32,}"),
    ("huggingface-token", r"hf_[A-Za-z0-9]{30,}"),
    ("databricks-token", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    ("newrelic-key", r"NR(?:AK|II|IQ|BR)-[A-Za-z0-9_\-]{20,}"),
    ("grafana-token", r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/=]{32,}"),
    ("sentry-token", r"sntry[su]_[A-Za-z0-9+/=_\-]{20,}"),
    ("atlassian-token", r"AT[AC]TT3[A-Za-z0-9_=\-]{50,}"),
    ("linear-key", r"lin_api_[A-Za-z0-9]{30,}"),
    ("postman-key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("age-key", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    ("aws-session-token", r"(?:IQoJ|FwoG|FQoG)[A-Za-z0-9/+=]{80,}"),
    ("aws-mws-key", r"amzn\.mws\.[0-9a-f]{8}-[0-9a-f\-]{27}"),
    ("jwt", r"eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-.]*"),
    (
        "private-key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[\s\S])*(?:-----END[A-Z0-9 ]{0,50}-----)?"
        r"|PuTTY-User-Key-File-[0-9][\s\S]*",
    ),
)
_FORMAT = re.compile("|".join(pattern for _, pattern in _FORMATS))
# The path of such a URL is the secret, because it is enough to post. The host is kept.
_WEBHOOK = re.compile(
    r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[A-Za-z0-9_/\-]{8,}"
    r"|(?<=hooks\.zapier\.com/)hooks/[A-Za-z0-9_/\-]{6,}|(?<=maker\.ifttt\.com/)trigger/[^\s\"'<>]{6,}"
    r"|(?<=api\.telegram\.org/)bot[0-9]+:[A-Za-z0-9_\-]{20,}|(?<=events\.pagerduty\.com/)integration/[A-Za-z0-9]{10,}"
    r"|(?<=\.webhook\.office\.com/)webhookb2/[^\s\"'<>]{8,}|(?<=alert\.victorops\.com/)integrations/[^\s\"'<>]{8,}"
    r"|(?<=/api/)webhooks/[0-9]{5,}/[A-Za-z0-9_\-]{16,}"
)
_SUFFIXED = (
    ("mailchimp-key", re.compile(r"\b[0-9a-f]{32}-us[0-9]{1,2}\b")),
    ("newrelic-key", re.compile(r"\b[0-9a-f]{36}NRAL\b")),
    ("azure-secret", re.compile(r"(?<![A-Za-z0-9_~.\-])[A-Za-z0-9_~.\-]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}")),
    ("terraform-token", re.compile(r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=\-]{30,}")),
)
_AWS_KEY = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_AWS_KEY_BITS = 4.25  # 40 random base64 characters carry about 4.8 bits each; paths and camel case stay below 4.2

_USERINFO = re.compile(r"(?<=://)(?P<user>[^/\s:@\"'<>?#]*):(?P<password>[^/\s\"'<>]+)@")
_TOKEN_USER = re.compile(r"(?<=://)[A-Za-z0-9_\-.~%]{16,}(?=@)")
_QUERY = re.compile(
    r"[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|code|key|auth|pass|pw|hapikey|sv_sig)=([^&\s\"'<>#;]{6,})",
    re.IGNORECASE,
)
_ORACLE = re.compile(r"(?<=jdbc:oracle:)(?:thin|oci):[^/\s:@]*/([^@\s]+)@")
_LOGIN_OPTION = re.compile(r"(?:^|\s)(?:-u|--user|--proxy-user)[\s=]+[\"']?[^\s:\"']+:([^\s\"'/][^\s\"']*)")
# NAME=VALUE, NAME: VALUE, --name VALUE, "name": "value", <name>value: is_secret_name decides which names count.
# The match begins inside the name, so that long runs of letters cost nothing; _NAME_BEFORE goes back.
_ASSIGNED = re.compile(
    r"(?P<tail>(?:pass|pwd|secret|token|key|cred|auth|cookie|dsn|jwt|salt|pin|otp|psk|webhook)[A-Za-z0-9_.\-]*+)"
    r"(?P<between>\\{0,8}[\"']?\s*(?:=>|:=|=|:|>)\s*|\s+(?=[^\s\-=:]))",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(?:(?:Bearer|Basic|Splunk|Token|ApiKey)\s+)?"
    r"(?P<quote>\\{0,8}[\"'])?(?P<value>(?(quote)(?:(?!(?P=quote)).)+|[^\s\"'&;,<>{}()\[\]\\]+))",
    re.IGNORECASE | re.DOTALL,
)
_NAME_BEFORE = re.compile(r"[A-Za-z0-9_.\-]{0,64}$")
_HEADER = re.compile(r"\b(?:Bearer|Basic|Splunk|ApiKey)\s+(?=[^\s]*[0-9=])([A-Za-z0-9._~+/\-]{12,}=*)", re.IGNORECASE)
# Names of secrets, and expressions that are replaced later, are no secrets.
_NAMING = re.compile(
    r"arn:aws[a-z\-]*:[^\s\"',]+|\{\{resolve:[^{}]{0,400}+\}\}|\$\{[^${}]{0,200}+\}|redacted:[a-z0-9-]+:[0-9a-f]{16}"
)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_\-]{20,}")
_AWS_ID = re.compile(r"[a-z]{1,12}(?:-[a-z]{1,12}){0,3}-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_HEX = re.compile(r"[0-9a-fA-F\-]+")
_MIN_BITS, _MIN_CHANGES = 3.6, 0.3  # bits a character, and changes of kind (upper, lower, digit) a character
_SHORTEST = 8
_CACHED_CHARS = 160


def secret_spans(text: str) -> list[Span]:
    """Return every secret recognised by its form, in order and without overlaps. Empty for most texts."""
    if len(text) < _SHORTEST or (len(text) <= _CACHED_CHARS and not _may_hold_one(text)):
        return []
    return _spans(text)


@functools.lru_cache(maxsize=32_768)
def _may_hold_one(text: str) -> bool:
    """Cache the results for short texts: an estate repeats most of them thousands of times."""
    return bool(_spans(text))


def _spans(text: str) -> list[Span]:
    naming = [match.span() for match in _NAMING.finditer(text)] if ":" in text or "${" in text else []
    spans = list(_format_spans(text))
    if len(text) >= 36:
        spans += _long_spans(text)
    if "://" in text or "jdbc:" in text:
        spans += _url_spans(text)
    if naming != [(0, len(text))] and any(mark in text for mark in "=: >"):
        spans += _assigned_spans(text, naming)
    return _apart(spans, [span for span in naming if text.startswith("redacted:", span[0])]) if spans else spans


def _format_spans(text: str) -> Iterator[Span]:
    for match in _FORMAT.finditer(text):
        start, end = match.span()
        if start and text[start - 1].isalnum() and text[start].isalnum():
            continue  # `disk-…` is no `sk-…`
        # Compiled when a first secret is found, which most commands never do.
        yield start, end, next(rule for rule, pattern in _FORMATS if re.compile(pattern).match(text, start))


def _long_spans(text: str) -> Iterator[Span]:
    for rule, pattern in _SUFFIXED:
        for match in pattern.finditer(text):
            yield *match.span(), rule
    for match in _AWS_KEY.finditer(text):
        key = match[0]
        if not _HEX.fullmatch(key) and any(map(str.isdigit, key)) and _bits(key) >= _AWS_KEY_BITS:
            yield *match.span(), "aws-secret-key"


def _url_spans(text: str) -> Iterator[Span]:
    for match in _USERINFO.finditer(text):
        if not is_reference(match["password"]):
            yield *match.span("password"), "url-password"
    for match in _TOKEN_USER.finditer(text):
        yield *match.span(), "url-token"
    for pattern, rule in ((_QUERY, "url-query"), (_ORACLE, "url-password")):
        for match in pattern.finditer(text):
            yield *match.span(1), rule
    for match in _WEBHOOK.finditer(text):
        yield *match.span(), "webhook-url"


def _assigned_spans(text: str, naming: list[tuple[int, int]]) -> Iterator[Span]:
    masked_to = 0
    for match in _ASSIGNED.finditer(text):
        if match.start() < masked_to or _touches(naming, match.start(), match.start() + 1):
            continue
        before = _NAME_BEFORE.search(text, max(0, match.start() - 64), match.start())
        name = (before[0] if before else "") + match["tail"]
        if match["between"].isspace() and not name.startswith("-"):
            continue  # "the password must": prose; only an option takes its value after a space
        value = _VALUE.match(text, match.end()) if is_secret_name(name.strip("-.")) else None
        if value is None or is_reference(value["value"]):
            continue
        start = value.start("value")
        if _touches(naming, start, start + 1):
            continue
        yield *value.span("value"), "assignment"
        masked_to = value.end()
    for pattern in (_HEADER, _LOGIN_OPTION):
        for match in pattern.finditer(text):
            yield *match.span(1), "authorization"


def _touches(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Return whether one of the ordered, disjoint spans overlaps [start, end)."""
    at = bisect.bisect_left(spans, (end,)) - 1
    return at >= 0 and spans[at][1] > start


def _apart(spans: list[Span], kept: list[tuple[int, int]]) -> list[Span]:
    """Sort spans and join those that overlap; drop those that touch text already redacted."""
    apart: list[Span] = []
    for start, end, rule in sorted(spans, key=lambda span: (span[0], -span[1])):
        if _touches(kept, start, end):
            continue
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]), apart[-1][2])
        else:
            apart.append((start, end, rule))
    return apart


def entropy_secrets(text: str) -> list[Span]:
    """Yield random-looking runs of a text: keys without a format. UUIDs and AWS ids are not secrets."""
    if len(text) < 20:
        return []
    return [(*match.span(), "entropy") for match in _RANDOM.finditer(text) if _is_random(match[0])]


def _is_random(run: str) -> bool:
    bare = run.strip("=").replace("-", "").replace("_", "")
    if _AWS_ID.fullmatch(run):
        return False
    if _HEX.fullmatch(run):
        return "-" not in run and len(run) >= 32 and _bits(run) >= 3.0
    kinds = [
        "u" if character.isupper() else "l" if character.islower() else "d" if character.isdigit() else "s"
        for character in bare
    ]
    if len(bare) < 20 or "d" not in kinds or len({"u", "l"} & set(kinds)) < 1:
        return False
    changes = sum(before != after for before, after in itertools.pairwise(kinds))
    return _bits(bare) >= _MIN_BITS and changes / len(bare) >= _MIN_CHANGES


def _bits(text: str) -> float:
    """Return Shannon's entropy per character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def mask_secrets(text: str, replace: Callable[[str, str], str], *, spans: list[Span] | None = None) -> str:
    """Return `text` with each secret replaced by `replace(rule, secret)`; `spans` when they are known already."""
    pieces, at = [], 0
    for start, end, rule in secret_spans(text) if spans is None else spans:
        pieces += [text[at:start], replace(rule, text[start:end])]
        at = end
    return "".join((*pieces, text[at:])) if pieces else text


def simple_mask(text: str) -> str:
    """Return `text` with each secret as `***`, for logs, errors and tracebacks."""
    return mask_secrets(text, lambda _rule, _secret: "***")

"""Secrets recognised by name: fields, variables, options and headers. Pure."""

from __future__ import annotations

import functools
import re

__all__ = ["is_reference", "is_secret_name", "name_words"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# The end of a name decides: DB_PASSWORD is a secret, PasswordLastUsed is not.
_SECRET_END = re.compile(
    r"(passwords?|passwd|passphrase|passcode|pwd|secret|secrets|token|credentials?|authorization|cookie|apikey|authkey|"
    r"accesskey|secretkey|privatekey|sharedkey|presharedkey|signingkey|sessionkey|accountkey|storagekey|licensekey|"
    r"masterkey|hmackey|servicekey|subscriptionkey|functionkey|routingkey|integrationkey|ingestkey|"
    r"apptoken|keymaterial|userdata|connectionstring|webhook|webhookurl|basicauth|dsn|jwt|salt|pin|otp|"
    r"dbpass|userpass|mysqlpwd|pgpass|ldappass|smtppass|encryptionkey)$"
)
# Complete words only: `ping`, `compass`, `author` and `salted` end otherwise.
_WHOLE = frozenset({"pass", "pin", "otp", "dsn", "jwt", "salt", "pwd", "auth", "psk", "webhook"})
# Words after the name of a secret that do not matter: a value, an environment, a version.
_NEUTRAL = frozenset(
    {
        "value",
        "string",
        "text",
        "plain",
        "plaintext",
        "default",
        "current",
        "previous",
        "old",
        "new",
        "base64",
        "b64",
        "raw",
        "prod",
        "dev",
        "test",
        "staging",
        "live",
        "primary",
        "secondary",
    }
)
# Tokens for paging, locking and idempotency grant no access; public keys are public.
_HARMLESS = re.compile(
    r"(aws|ecs)?(next|nextpage|page|lock|client|clientrequest|request|creation|creator|continuation|idempotency|pagination|update|"
    r"change|start|marker|resume|caller)token|publickeymaterial"
)
_REFERENCE = re.compile(
    r"arn:aws[a-z\-]*:.*|\{\{resolve:.*\}\}|\$\{[^}]*\}|(?-i:\$[A-Z_][A-Z0-9_]*)|\$\(.*\)|\$\$?[.\[].*|<%?[^>]*%?>|\{%.*%\}|%[A-Za-z_]+%|"
    r"States\..*|\*+|x{3,}|true|false|null|none|yes|no|enabled|disabled|optional|required|[0-9]{1,3}|"
    r"redacted:[a-z0-9-]+:[0-9a-f]{16}|",
    re.IGNORECASE | re.DOTALL,
)


def name_words(name: str) -> list[str]:
    """Split a name into lower-case words, however they are joined: `HECToken`, `db-password`, `API_KEY_2`."""
    return [word.lower() for word in _WORD.findall(name)]


@functools.lru_cache(maxsize=8_192)
def is_secret_name(name: str) -> bool:
    """Return whether the last words of `name` mark a secret."""
    words = name_words(name[-80:])
    while words:
        joined = "".join(words)
        if _HARMLESS.fullmatch(joined):
            return False
        ending = _SECRET_END.search(joined)
        if words[-1] in _WHOLE or (ending and ending[1] not in _WHOLE):
            return True
        if words[-1] not in _NEUTRAL and not words[-1].isdigit():
            return False
        words.pop()
    return False


def is_reference(value: str) -> bool:
    """Return whether `value` is no secret: a secret's name, a placeholder, or a switch."""
    return bool(_REFERENCE.fullmatch(value))

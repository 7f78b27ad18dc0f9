"""Secrets in every format, to be planted where they must not be found again. None was ever valid."""

import random
import string

_ALNUM = string.ascii_letters + string.digits
PLAIN = "hunter2-correct-horse-battery"


def _run(random_, count, letters=_ALNUM):
    """Random characters as a key has them: never by chance one kind only."""
    return (
        "".join(random_.choice(letters) for _ in range(count - 3)) + "a9Z"
        if letters is _ALNUM
        else "".join(random_.choice(letters) for _ in range(count))
    )


def planted(number=7):
    """By name of the format: (the secret itself, the text in which it is planted)."""
    random_ = random.Random(number)
    run, low = (lambda count: _run(random_, count)), "0123456789abcdef"

    def hexes(count):
        return _run(random_, count, low)

    bare = {
        "github": f"ghp_{run(36)}",
        "github fine-grained": f"github_pat_{run(22)}_{run(59)}",
        "gitlab": f"glpat-{run(20)}",
        "slack": f"xoxb-{hexes(12)}-{run(24)}",
        "stripe": f"sk_live_{run(24)}",
        "google": f"AIza{run(35)}",
        "sendgrid": f"SG.{run(22)}.{run(43)}",
        "twilio": f"SK{hexes(32)}",
        "mailgun": f"key-{hexes(32)}",
        "npm": f"npm_{run(36)}",
        "pypi": f"pypi-{run(60)}",
        "docker": f"dckr_pat_{run(27)}",
        "vault": f"hvs.{run(24)}",
        "digitalocean": f"dop_v1_{hexes(64)}",
        "shopify": f"shpat_{hexes(32)}",
        "openai": f"sk-proj-{run(48)}",
        "anthropic": f"sk-ant-api03-{run(40)}",
        "huggingface": f"hf_{run(34)}",
        "databricks": f"dapi{hexes(32)}",
        "newrelic": f"NRAK-{run(27)}",
        "grafana": f"glsa_{run(32)}_{hexes(8)}",
        "atlassian": f"ATATT3{run(90)}",
        "mailchimp": f"{hexes(32)}-us12",
        "azure": f"abc8Q~{run(34)}",
        "terraform": f"{run(14)}.atlasv1.{run(67)}",
        "aws secret key": run(40),
        "aws session token": f"IQoJb3JpZ2luX2Vj{run(120)}",
        "jwt": f"eyJ{run(20)}.eyJ{run(40)}.{run(43)}",
        "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{run(64)}\n{run(64)}\n-----END RSA PRIVATE KEY-----",
    }
    texts = {name: (secret, secret) for name, secret in bare.items()}
    texts |= {f"{name} in a sentence": (secret, f"see wiki; {secret}, ask ops") for name, secret in bare.items()}
    word = f"horse{hexes(10)}"
    texts |= {
        "url password": (word, f"postgres://app:{word}@db.example.com:5432/app"),
        "url password of http": (word, f"https://app:{word}@example.com/path"),
        "url user that is a token": (run24 := run(24), f"https://{run24}@git.example.com/repo"),
        "query token": (word, f"https://example.com/hook?x=1&token={word}&y=2"),
        "query signature": (word, f"https://example.com/blob?sv=1&sig={word}"),
        "jdbc": (word, f"jdbc:postgresql://db:5432/app?user=app&password={word}"),
        "jdbc of sqlserver": (word, f"jdbc:sqlserver://db;user=app;password={word};encrypt=true"),
        "jdbc of oracle": (word, f"jdbc:oracle:thin:app/{word}@db:1521:app"),
        "connection string": (word, f"Server=db;User Id=app;Password={word};"),
        "assignment": (word, f"DB_PASSWORD={word}"),
        "option": (word, f"mysqldump --user app --password {word} --all"),
        "option with =": (word, f"run --api-key={word}"),
        "yaml": (word, f"user: app\npassword: {word}\n"),
        "header": (word, f"X-Api-Key: {word}"),
        "bearer": (word, f"Authorization: Bearer {word}"),
        "json": (word, f'{{"user": "app", "deep": [{{"password": "{word}"}}]}}'),
        "json in json": (word, '{"a": "{\\"b\\": {\\"secret\\": \\"' + word + '\\"}}"}'),
        "part of json": (word, f'... "password": "{word}", ...'),
        "xml": (word, f"<cfg><password>{word}</password></cfg>"),
        "curl": (word, f"curl -u app:{word} https://example.com"),
        "slack webhook": (run24, f"https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/{run24}"),
        "teams webhook": (run24, f"https://x.webhook.office.com/webhookb2/{run24}@b/IncomingWebhook/c/d"),
        "discord webhook": (run24, f"https://discord.com/api/webhooks/123456789012/{run24}"),
    }
    return texts


def planted_in_free_text(number=7):
    """Keys without a format: told by their randomness, where people write what they like."""
    random_ = random.Random(number)
    return {
        "random letters": (key := _run(random_, 32), f"the key is {key}"),
        "random base64": (key := _run(random_, 44) + "==", key),
        "random hex": (key := _run(random_, 64, "0123456789abcdef"), f"key {key}"),
    }

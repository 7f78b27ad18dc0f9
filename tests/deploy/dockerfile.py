"""The Dockerfile's instructions."""

import re

from tests.deploy.reading import DEPLOY

DOCKERFILE = DEPLOY / "docker/Dockerfile"


def instructions():
    """(instruction, rest) in order, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def rest_of(word):
    return [rest for name, rest in instructions() if name == word]

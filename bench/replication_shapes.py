"""Six shapes of key spaces, as people have them."""

import random
import uuid

__all__ = ["SHAPES"]


def uuids(count):
    """Uniform: nothing in common."""
    draw = random.Random(1)
    return [str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(count)]


def dates(count):
    """Paths by day and hour, over two years."""
    draw = random.Random(2)
    return [
        f"logs/{2025 + (at * 730 // count) // 365}/{(at * 730 // count) % 365 // 31 + 1:02d}/"
        f"{(at * 730 // count) % 31 + 1:02d}/{draw.randrange(24):02d}/{draw.getrandbits(40):010x}.json.gz"
        for at in range(count)
    ]


def sequential(count):
    """One counter."""
    return [f"{at:012d}" for at in range(count)]


def hot(count):
    """One prefix has nearly everything."""
    draw = random.Random(3)
    few = [f"{name}/{at:05d}" for name in ("archive", "config", "tmp", "zones") for at in range(count // 200)]
    return few + [f"data/tenant-0042/events/{draw.getrandbits(64):016x}" for _ in range(count - len(few))]


def unicodes(count):
    """Names in several scripts."""
    draw = random.Random(4)
    words = ["ärger", "été", "日本", "данные", "ελλάδα", "emoji😀", "plain", "Ünï", "ﷺ", "한국"]
    return [f"{draw.choice(words)}/{draw.choice(words)}-{draw.getrandbits(48):x}" for _ in range(count)]


def flat(count):
    """Words of letters and numbers, no slash."""
    draw = random.Random(5)
    return ["".join(draw.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789_", k=14)) for _ in range(count)]


SHAPES = {
    "uuid": uuids,
    "dates": dates,
    "sequential": sequential,
    "hot": hot,
    "unicode": unicodes,
    "flat": flat,
}

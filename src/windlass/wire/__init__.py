"""The fast client: signed HTTP/1.1 for the few AWS calls that run millions of times. README.md has the map; ADR 0003 the why."""

"""The embedded AWS: a development and test tool on one loopback port. README.md has the map; ADR 0005 the why."""

"""Many object events, one action, provably. README.md has the map; ADR 0014 the why."""

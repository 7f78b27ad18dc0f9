"""Lambda entry points: the same capabilities behind AWS's own triggers, put together from the windlass.toml in the zip."""

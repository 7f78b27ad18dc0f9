"""Lambda entry points: the capabilities behind AWS's own triggers, configured by the windlass.toml in the zip."""

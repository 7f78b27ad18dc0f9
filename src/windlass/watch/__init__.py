"""Alerts: rules that watch changes, checks, scopes and jobs, and the actions that they run."""

"""Many object events, one action. README.md has the map."""

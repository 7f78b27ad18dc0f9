"""What exists, who owns it, what changed and when. README.md has the invariants and the map."""

"""The inventory: what exists, who owns it, what changed and when. README.md lists the invariants and the files."""

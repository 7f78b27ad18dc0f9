"""How results look: one set of formats, progress bars and relative times for every face (ADR 0008)."""

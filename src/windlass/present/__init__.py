"""The kit of all faces: formats, progress bars, relative times, options and confirmation (ADR 0008)."""

"""The innermost room: values and pure functions on the standard library alone. Imports nothing of Windlass."""

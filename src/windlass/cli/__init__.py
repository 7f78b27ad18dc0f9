"""The command `windlass`: thin. Parse, call one service function, render; exit codes as in core.errors."""

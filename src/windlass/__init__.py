"""Windlass: run an AWS estate whose heart is S3.

Everything is reached through the command (`windlass --help`), the REST API and the console (`windlass serve`).
The package's layers, top to bottom, are drawn in docs/decisions/0001-layers.md and kept by import-linter.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]

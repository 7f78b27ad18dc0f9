"""The embedded AWS: AWS's APIs on one loopback port, for development and tests. It imports nothing of `windlass`."""

__version__ = "0.1.0"
__all__ = ["__version__"]

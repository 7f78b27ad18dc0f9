"""Every end-to-end test is a test of `windlass policy`, too."""

from tests.privilege import least_privilege

__all__ = ["least_privilege"]

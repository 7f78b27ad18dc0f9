"""Pipelines: S3 → transform → S3. A user's own transform uses `Source`, `Output` and `Rejected`."""

from windlass.pipelines.model import Output, Reason, Rejected, Source

__all__ = ["Output", "Reason", "Rejected", "Source"]

"""S3 → transform → S3. README.md has the map; `Source`, `Output` and `Rejected` are the words of users' transforms."""

from windlass.pipelines.model import Output, Reason, Rejected, Source

__all__ = ["Output", "Reason", "Rejected", "Source"]

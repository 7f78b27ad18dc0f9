"""What Windlass says about itself: structured logs on stderr, Prometheus metrics, health."""

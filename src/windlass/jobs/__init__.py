"""One table for all long work: progress, log, lease, cancel, resume. README.md has the invariants."""

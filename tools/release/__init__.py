"""The release check: everything that a release does, except publishing."""

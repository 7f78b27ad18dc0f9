"""`windlass demo`: everything on an embedded AWS, from an empty folder to a live console."""

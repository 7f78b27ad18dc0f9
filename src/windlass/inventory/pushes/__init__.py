"""Resources that other collectors send: see README.md."""

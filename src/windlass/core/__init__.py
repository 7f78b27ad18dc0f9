"""The innermost package: values and pure functions. Imports only the standard library."""

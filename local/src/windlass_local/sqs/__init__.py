"""SQS of the embedded AWS: a queue core without I/O, its operations, and both of SQS's protocols."""

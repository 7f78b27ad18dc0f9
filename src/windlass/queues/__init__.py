"""Consuming SQS queues without losing or doubling a message. README.md has the map."""

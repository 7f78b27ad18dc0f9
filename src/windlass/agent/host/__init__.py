"""The agent that runs on hosts. Only Python's standard library, version 3.8 or newer; imports nothing of windlass."""

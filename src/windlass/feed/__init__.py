"""The feed: a queue of events keeps the inventory current between collections, and says who changed what."""

"""The direct engine: both sides listed in parallel, merged, journalled, and copied as fast as the destination takes it."""

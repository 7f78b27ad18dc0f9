"""What every forked `windlass` has imported before it begins: nothing here may start a thread or read the environment."""

import windlass.app
import windlass.cli.main
import windlass.deploy.service
import windlass.estate.service
import windlass.inventory.catalog
import windlass.inventory.service
import windlass.replication.service
import windlass.store.engine

__all__ = ["windlass"]

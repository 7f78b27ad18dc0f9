"""One script per claim: each prints a table and writes JSON to var/bench/. `make bench` runs them all."""

"""The remote API of osquery: enrollment, configuration, results and live queries of hosts."""

"""How fast it is, on hosts of the lab."""

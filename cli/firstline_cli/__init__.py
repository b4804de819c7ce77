"""The operator's command `firstline`."""

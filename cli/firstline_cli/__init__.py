"""The operator's command `firstline`. Read `main.py` first: every command, and the modules that do its work."""

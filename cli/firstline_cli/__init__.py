"""The operator's command `firstline`. Read `main.py` first: every command, and the modules that do its work."""

import atexit
import gc

_GARBAGE = 200_000
"""The objects between two looks for garbage: what a short command makes. What it imports is none."""

gc.set_threshold(_GARBAGE)
# At its end, Python would look through everything once more, for what goes with the process.
atexit.register(gc.freeze)

"""The operator's command `firstline`. Read `main.py` first: every command, and the modules that do its work."""

import atexit
import gc

import firstline  # noqa: F401  # Before all imports that cost: it keeps the garbage collector out of them.

# At its end, Python would look through everything once more, for what goes with the process.
atexit.register(gc.freeze)

"""Reports on incidents, as pure functions for the command `firstline` and the console. Nothing here acts on one.

Read `periods.py` first (MTTA, MTTR, ends, pages). `ends.py` says how an incident ended, `noise.py` which groups are
noisy and which rule would help, `preview.py` what a rule would have hidden, `replay.py` what changed files would make
of the past, `lessons.py` how well the deciders judged.
"""

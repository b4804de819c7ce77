"""Reports on incidents, as pure functions for the command `firstline` and the console. No report acts on an incident.

Read `periods.py` first (MTTA, MTTR, ends, pages). `ends.py` says how an incident ended, `noise.py` which groups are
noisy and which rule would help, `preview.py` which incidents a rule would have hidden, `replay.py` which pages changed
files would have sent, `lessons.py` how often rules, history and models judged right.
"""

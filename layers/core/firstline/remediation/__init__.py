"""Remediation: plans a runbook for an incident, decides whether it may run, follows its steps and settles it.

Read `plan.py` first, then `decide.py` (may it run?), `next_move.py` (what is next after a state of the machine?) and
`settle.py` (the end). `releases.py` and `release_end.py` are for steps that take a release back.
"""

"""Remediation: plans a runbook for an incident, decides whether it may run, follows its steps and settles it.

Read `plan.py` first, then `decide.py` (may the plan run?), `next_move.py` (which state of the machine is next?) and
`settle.py` (the end). `releases.py` and `release_end.py` are for steps that take a release back.
"""

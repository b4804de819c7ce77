"""Rehearsals: a runbook really runs on a throw-away host that has the fault. Nothing touches AWS.

Read `rehearse.py` first; `trial.py` is the command that shows each step to a person.
"""

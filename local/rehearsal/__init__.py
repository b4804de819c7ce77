"""Rehearsals of runbooks: the scripts really run, on a throw-away host with a planted fault and without AWS.

Read `rehearse.py` first; `trial.py` is the command that shows each step to a person.
"""

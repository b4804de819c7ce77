"""The owner's policy: rules, silences and windows, heartbeats, paging, remediation, model.

Each module models one file of `runbooks/policy` or a part of it, with errors that name the fix. Read `rules.py` first,
then `match.py`, the conditions that rules, silences, windows and heartbeats share.
"""

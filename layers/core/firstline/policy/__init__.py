"""The owner's policy: rules, silences and windows, heartbeats, paging, remediation, model.

Each module declares one file of `runbooks/policy` or a part of it, and its errors name the fix. Read `rules.py` first,
then `match.py`, the conditions that rules, silences, windows and heartbeats share.
"""

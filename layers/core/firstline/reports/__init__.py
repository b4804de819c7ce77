"""Reports on closed incidents, as pure functions for the command `firstline`. Nothing here acts on an incident.

Read `periods.py` first (MTTA, MTTR, outcomes); `lessons.py` judges the deciders, and
`preview.py` tries a rule on past incidents.
"""

"""Ingest: takes deliveries in, groups their alerts, and opens, joins or resolves incidents.

Read `front_door.py` first (a delivery comes in), then `accept.py` (each group is written once) and `fold.py` (the pure
rules: what a batch of alerts does to its group). `sources/identity.py` says
which alerts are one group. `quarantine.py` packs deliveries that cannot be read yet.
"""

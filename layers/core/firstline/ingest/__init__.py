"""Ingest: accepts deliveries, groups their alerts, and opens, joins or resolves incidents.

Read `front_door.py` first (how a delivery arrives), then `accept.py` (how its groups are written) and `fold.py` (the
pure rules: how the messages about an alert change it). `sources/identity.py` decides which alerts are one group.
`quarantine.py` packs deliveries that cannot be read.
"""

"""Incidents: their life after ingest has opened them, and the ports to their store.

Read `lifecycle.py` first: acknowledge, end a hold, resolve, and tell the waiting execution. `store.py` declares what
the table must offer. `reconcile.py` mends every minute what was missed; `audit_trail.py` records who decided what.
"""

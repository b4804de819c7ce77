"""Incidents: their life after ingest has opened them, and the ports to their store.

Read `lifecycle.py` first: acknowledge, end a hold, resolve, and wake the waiting execution. `store.py` declares the
operations of the table. `reconcile.py` repairs every minute what was missed; `audit_trail.py` records who decided what.
"""

"""Incidents: the ports to their store, their lifecycle, holds, heartbeats, reconciliation and audit trail."""

"""Incidents and the groups of alerts that open them, as everything else sees their store."""

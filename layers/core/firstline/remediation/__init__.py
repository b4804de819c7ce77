"""Remediation: what is done about an incident, step by step."""

"""Remediation: Firstline plans a runbook for an incident, decides whether it may run, runs it and settles it."""

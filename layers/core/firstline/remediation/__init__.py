"""Remediation: the steps that Firstline takes about an incident, one after the other."""

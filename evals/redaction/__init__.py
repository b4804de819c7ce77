"""Measurements of redaction: the share of secrets that is found, and of harmless alerts that are changed."""

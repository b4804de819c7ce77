"""Runbooks as data: what may be run, where, and whether it may. Nothing here talks to AWS."""

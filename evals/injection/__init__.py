"""Alerts written by an attacker, and a model that does what they say: nothing unsafe may come of it."""

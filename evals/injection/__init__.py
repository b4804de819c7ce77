"""Alerts of an attacker with orders to the model, and a model that obeys them, to prove that nothing unsafe follows."""

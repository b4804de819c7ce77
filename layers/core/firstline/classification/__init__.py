"""The classification of an incident: how bad it is, why, and whether a runbook can fix it.

The order is evidence -> rules -> memory -> model -> guardrails. Read `classify.py` first: it is the table of contents.
docs/classification.md explains the order to operators. `feedback.py` says what people's answers to "was this right?"
mean. Nothing here does I/O except through the Protocols that its functions take as arguments.
"""

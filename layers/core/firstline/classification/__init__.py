"""How bad is it, why, and can a runbook fix it? evidence -> rules -> memory -> LLM -> guardrails.

`classify.py` reads as the table of contents; docs/classification.md tells the same to people. Nothing here does I/O
but through the Protocols that it is handed.
"""

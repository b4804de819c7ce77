"""Redaction: secrets are never stored or sent, and personal data never goes to a model or to people.

`redact_secrets` runs once, when an alert is accepted (`alert_redaction.py`), so that the table and the input of
executions hold no secret that is recognised. `redact` runs when a text is sent to a model or to people. docs/privacy.md
says what is found, how well, and what is not found.

Read `redact.py` first. `shapes.py`, `named.py`, `encoded.py` and `personal.py` find the places that it replaces.
"""

from firstline.privacy.redact import redact, redact_label, redact_log, redact_payload, redact_secrets

__all__ = ["redact", "redact_label", "redact_log", "redact_payload", "redact_secrets"]

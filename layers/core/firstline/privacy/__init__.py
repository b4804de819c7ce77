"""Redaction: secrets are never stored or sent, and personal data never goes to a model or to people.

`redact_secrets` runs once, where an alert comes in (`alerts.py`): the incident, and with it the execution's input, the
table and everything after, contains no secret that it recognises. `redact` runs where a text goes out, to a model or to
people. docs/privacy.md says what is found, how well, and what is not.

Read `redact.py` first; `shapes.py`, `named.py`, `encoded.py` and `personal.py` find the places that it replaces.
"""

from firstline.privacy.redact import redact, redact_label, redact_log, redact_payload, redact_secrets

__all__ = ["redact", "redact_label", "redact_log", "redact_payload", "redact_secrets"]

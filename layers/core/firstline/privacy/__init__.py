"""What must not leave with an alert: secrets, which leave nowhere, and personal data, which stays inside.

`redact_secrets` runs once, where an alert comes in (`alerts.py`): what becomes an incident, and with it the execution's
input, the table and everything after, holds no secret that it knows. `redact` runs where a text goes out, to a model or
to people. docs/privacy.md says what is found, how well, and what is not.
"""

from firstline.privacy.redact import redact, redact_label, redact_log, redact_payload, redact_secrets

__all__ = ["redact", "redact_label", "redact_log", "redact_payload", "redact_secrets"]

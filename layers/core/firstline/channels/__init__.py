"""How Firstline tells people: one module per channel, each `render(Notification) -> payload`, pure.

What an alert says is untrusted, so every module renders it through `text`. Sending is the business of `adapters/`; who
is told, and what happens when a channel fails, is decided in `delivery`, `escalation` and `announcing`.
"""

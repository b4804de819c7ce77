"""Messages to people: one module per channel, each a pure `render(Notification) -> payload`.

An alert's text is untrusted: every module escapes the characters that its channel reads as markup. `adapters/channels`
sends the payloads; `delivery`, `people.page` and `people.announce` decide who is told and what a failed channel means.

Read `summary.py` first: it has the words that every channel shows.
"""

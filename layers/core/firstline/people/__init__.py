"""Firstline's dealings with people: announcements, pages, approvals and feedback.

Outgoing: read `announce.py` first, then `page.py`. Incoming: read `front.py` first; it routes presses in Slack to
`press_handler.py` and the approval page's requests to `approval_requests.py`. Both decide through `approve.py`.
"""

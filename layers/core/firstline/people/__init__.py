"""Firstline's dealings with people: announcements, pages, approvals and what people do to an incident.

Outgoing: read `announce.py` first, then `page.py`. Incoming: presses in Slack reach `press_handler.py`, the command's
requests `operate_requests.py`; both end in `operate.py` and `approve.py`. `console/front.py` routes them.
"""

"""Firstline's dealings with people: announcements, pages, approvals and what people do to an incident.

Read `announce.py` first, then `page.py`: they are what goes out. What comes in: presses in Slack reach
`press_handler.py`, the command's requests `operate_requests.py`; both end in `operate.py` and `approve.py`.
`console/front.py` routes them. Who may do what is in `policy/people.py`.
"""

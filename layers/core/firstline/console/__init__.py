"""People's requests over HTTP, from Slack and the command too, and the pages of the web console.

Read `site.py` first: it answers each GET with a page and changes nothing. Every write goes to the respond function,
where `front.py` routes it: presses in Slack and the command's requests to `people`, the console's forms to `forms.py`,
the approval page to `approval_requests.py`.
`sessions.py` says who may look and who may act; `incident_page.py` and `list_page.py` turn records of the table into
the values of a template.
"""

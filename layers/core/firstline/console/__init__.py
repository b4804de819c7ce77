"""The web console: pages about incidents, silences and reports for the people who operate them.

Read `site.py` first: it answers each GET with a page and changes nothing. Every write goes to the respond function,
which serves the console's forms with `forms.py`. `sessions.py` has who may look and who may act; `incident_page.py` and
`list_page.py` turn what the table holds into what a template shows.
"""

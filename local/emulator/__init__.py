"""An emulator of the AWS services that the template uses: moto, with processes for functions, commands and HTTP.

Read `stack.py` first: it builds a whole Firstline. `inbox.py` stands in for Slack, PagerDuty and mail.
"""

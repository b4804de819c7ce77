"""An emulator of the AWS services that the template uses: moto, with real functions, commands and HTTP in front.

Read `stack.py` first: it puts a whole Firstline together. `inbox.py` stands in for Slack, PagerDuty and mail.
"""

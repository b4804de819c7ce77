"""Slack, Teams, PagerDuty, SNS and webhooks, which send what `firstline.channels` renders.

Read `connect.py` first: it decides which of them a stack uses.
"""

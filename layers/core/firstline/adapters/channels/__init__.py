"""Slack, PagerDuty and SNS, which send what `firstline.channels` renders.

Read `connect.py` first: it decides which of them a stack uses.
"""

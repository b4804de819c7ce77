"""`firstline learn`: what one incident teaches, as drafts for people to review.

A postmortem, an eval case, and a runbook where a person noted the commands that helped. Nothing here is ever deployed,
rendered or published by itself: the drafts stand outside of the folders that are.
"""

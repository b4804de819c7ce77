"""`firstline learn`: drafts from one incident for people to review.

The drafts are a postmortem, an eval case, and a runbook if a person noted the commands that helped. They are written
outside of the folders that are deployed, rendered or published.
"""

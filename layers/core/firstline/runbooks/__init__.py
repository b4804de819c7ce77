"""Runbooks as data: their models, their catalogue and their SSM documents. Nothing here talks to AWS.

Read `model.py` first, which says what a runbook may hold, then `catalogue.py` and `documents.py`.
"""

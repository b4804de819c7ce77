"""Runbooks as data: their models, their catalogue and their SSM documents. No module of this package calls AWS.

Read `model.py` first, which says what a runbook may contain, then `catalogue.py` and `documents.py`.
"""

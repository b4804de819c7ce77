"""Measurements of Firstline's verdicts: labelled cases, classifiers that judge them, and their scores.

`make eval` runs them; docs/evals.md explains them. Read `cases.py` first, then `classifiers.py` and `scoring.py`.
"""

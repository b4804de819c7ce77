"""How good are Firstline's verdicts? Labelled cases, classifiers to try on them, and the numbers.

`make eval` runs it; docs/evals.md explains it.
"""

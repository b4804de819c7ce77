"""Firstline's own template run on one machine: for `make demo`, for development and for end-to-end tests.

Read `cli.py` first (`python -m local`), then `emulator/stack.py`. `demo` plays incidents, `rehearsal` tries runbooks.
"""

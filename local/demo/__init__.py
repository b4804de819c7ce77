"""The demo, `make demo`: scenarios that send alerts as real senders do and check how each incident ends.

Read `run.py` first: it has the scenarios. They send, wait and check with `stage.py`; `story.py` prints what happens.
"""

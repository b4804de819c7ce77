"""The demo, `make demo`: alerts as real senders send them, and stories that check how each incident ends.

Read `run.py` first: the stories. They use `stage.py` to send, wait and check; `story.py` prints what happens.
"""

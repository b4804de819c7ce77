"""How much of what must not leave with an alert is found, and how much that is harmless is taken for it?"""

"""Approvals: who may say yes to which plan, how a link proves that, and what people get to read before they do.

`links` signs and reads the personal links, `deciding` is the one way to a decision (buttons and page alike), `review`
gathers what there is to know about a plan, `page` shows it.
"""

"""Approvals: people's decisions on plans, in Slack and on the approval page.

`links` signs and reads the personal links, `deciding` takes a decision (of buttons and page alike), `review` gathers
the facts about a plan, `page` renders them, `visiting` answers the browser.
"""

"""The one DynamoDB table. Read `incidents.py` first: it says how the whole table is laid out.

`table.py` has the operations; every other module stores one kind of items through them, and makes their keys
(`records.py` and `live.py`: those of incidents and alerts).
"""

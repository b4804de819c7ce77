"""The one DynamoDB table. Each read uses a key, and nothing scans the table.

docs/table.md lists the items and the reads.

Keys `pk` and `sk`, a TTL on `expires_at` (seconds since the epoch; DynamoDB may be days late, so readers that care
compare times themselves), and three indexes. Every item of an incident carries `layout`, the number of this layout.

`table.py` has the operations; every other module stores one kind of items through them, and makes their keys. Those of
incidents: `live` (LIVE, SHARD, ALERT), `groups` (what ingest writes), `records` (what a record is read from), `marks`
(what functions write on LIVE), `incidents` (what people write), `closing`.
"""

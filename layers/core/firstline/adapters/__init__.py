"""The edges: with `wiring`, the only place that imports boto3, openai or slack_sdk. One module per thing outside.

Each adapter implements a port (a Protocol) of the core and raises Firstline's errors. Read `dynamodb/table.py` first,
because most of them store something in the one table.
"""

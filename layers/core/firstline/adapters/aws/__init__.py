"""AWS services other than the table, one module each.

Read `clients.py` first: it sets the time-outs of requests and turns their failures into Firstline's errors.
"""

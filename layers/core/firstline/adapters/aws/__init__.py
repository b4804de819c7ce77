"""AWS services other than the table, one module each. Read `clients.py` first: time-outs, and failures as errors."""

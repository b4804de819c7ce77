"""The edges: with `wiring`, the only place that imports boto3, openai or slack_sdk. One module per thing outside."""

"""The edges: the only place that imports boto3, openai, slack_sdk or pagerduty. One module per thing outside."""

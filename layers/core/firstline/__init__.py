"""Firstline: the serverless first responder for monitoring alerts.

The package is a pure core (models, sources, grouping, classification, runbooks, channels) with thin edges
(`adapters`). Arrows go one way: functions -> adapters -> core. The core imports the standard library and pydantic.
"""

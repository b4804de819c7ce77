"""Runbooks as data: their models, their catalogue and their SSM documents. Nothing here talks to AWS."""

"""`firstline init`: six questions that lead from a checkout to a deployed Firstline that wakes somebody."""

from firstline_cli.init.command import init

__all__ = ["init"]

"""`firstline init`: from a checkout to a deployed Firstline that wakes somebody, in six questions."""

from firstline_cli.init.command import init

__all__ = ["init"]

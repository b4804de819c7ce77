"""`firstline doctor`: what is wrong with a stack, and how to mend it. It changes nothing."""

from firstline_cli.doctor.command import doctor

__all__ = ["doctor"]

"""`firstline doctor`: checks of a stack that say what is wrong and how to mend it. They change nothing."""

from firstline_cli.doctor.command import doctor

__all__ = ["doctor"]

"""Checks of runbooks before anything is deployed: `make runbooks`.

The checks are outside of the package that functions carry, because they need shellcheck and a parser of bash, which
only a developer's machine has.
"""

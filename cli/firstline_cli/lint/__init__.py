"""Checks of runbooks before anything is deployed: `make runbooks`.

They stand outside of the package that functions carry, because they need what only a developer's machine has:
shellcheck and a parser of bash.
"""

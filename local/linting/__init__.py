"""What is wrong with runbooks, found before anything is deployed: `make runbooks`.

It stands outside of the package that functions carry, because it needs what only a developer's machine has: shellcheck
and a parser of bash.
"""

"""Requests to addresses that the owner set. A redirect would lead to an address that the owner did not set."""

import urllib.request


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that follows no redirect, which makes the redirect the answer."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirect)
"""The opener that follows no redirect."""

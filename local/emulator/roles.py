"""The roles of the stack: a request of a function or state machine is refused unless its role allows it, as on AWS.

The access key of a function or state machine is the logical id of its role. A request that is signed with another key
comes from the account's owner, who may do everything.
"""

from collections.abc import Callable, Mapping, Sequence

from werkzeug.wrappers import Request

from local.emulator.access import Access, accesses, caller
from local.emulator.iam import Statement, allows
from local.emulator.server import ServiceError

SECRET_KEY = "local"  # noqa: S105


class Roles:
    """A check of requests against the policy statements of the stack's roles, by each role's logical id.

    Parameters
    ----------
    tags
        Returns the tags of an instance by its id; statements about Run Command compare them.
    """

    def __init__(
        self,
        statements: Mapping[str, Sequence[Statement]],
        *,
        account: str,
        tags: Callable[[str], Mapping[str, str]],
    ) -> None:
        self._statements = statements
        self._account = account
        self._tags = tags

    def check(self, request: Request, body: bytes) -> None:
        """Check that the role whose key signed a request allows it; a request that no role signed passes.

        Raises
        ------
        ServiceError
            AccessDeniedException, with AWS's message: the role does not allow the request.
        """
        signer = caller(request)
        if signer is None or signer.key not in self._statements:
            return
        for access in accesses(request, body, signer, self._account):
            if not self._allowed(signer.key, access):
                raise ServiceError(
                    "AccessDeniedException",
                    f"User: arn:aws:sts::{self._account}:assumed-role/{signer.key}/local is not authorized to perform: "
                    f"{access.action} on resource: {access.resource} because no identity-based policy allows the "
                    f"{access.action} action ({dict(access.context)})",
                )

    def _allowed(self, role: str, access: Access) -> bool:
        statements = self._statements[role]
        if access.resource is None:
            return any(access.action in _listed(statement["Action"]) for statement in statements)
        context = dict(access.context)
        _, kind, instance = access.resource.rpartition("instance/")
        if kind:
            context |= {f"ssm:resourceTag/{name}": value for name, value in self._tags(instance).items()}
        return allows(statements, access.action, access.resource, context)


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value

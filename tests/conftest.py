"""The ground of every test: a region, credentials that open nothing, names for Powertools, and what the test needs."""

import gc
import os
from functools import cache

import botocore.session
import hypothesis
import pytest
import yaml
from botocore.auth import AUTH_TYPE_MAPS, BaseSigner
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError
from botocore.hooks import EventAliaser
from botocore.useragent import UserAgentString

from local.emulator.registry import FOLDER_VARIABLE
from tests.support import needs
from tests.support.depth import tries

os.environ |= {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "POWERTOOLS_SERVICE_NAME": "firstline-test",
    "POWERTOOLS_METRICS_NAMESPACE": "Firstline",
    "POWERTOOLS_TRACE_DISABLED": "true",
}

hypothesis.settings.register_profile("firstline", max_examples=tries(100), deadline=None)
hypothesis.settings.load_profile("firstline")

# Under moto every test has a session of its own, which would read each service's model again: a tenth of a second.
botocore.session.create_loader = cache(botocore.session.create_loader)


# What parses the templates, SAM's translator and moto alike, asks for this one; libyaml reads ten times as fast.
yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # type: ignore[misc]


# Each new client would search all aliases of services for every event that it names: a twentieth of integration's work.
_NAMES: dict[str, str] = {}
setattr(EventAliaser, "_alias_name_cache", property(lambda self: _NAMES, lambda self, empty: None))  # noqa: B010


class _Unsigned(BaseSigner):
    """Name who asks, and which service, without the signature: no server of these tests would check it."""

    REQUIRES_REGION = True

    def __init__(self, credentials: Credentials | None, service_name: str, region_name: str) -> None:
        self._credentials, self._scope = credentials, f"20260101/{region_name}/{service_name}/aws4_request"

    def add_auth(self, request: AWSRequest) -> None:
        """Add the header, in which moto reads the account, the region and the service."""
        if self._credentials is None:
            raise NoCredentialsError
        credential = f"{self._credentials.access_key}/{self._scope}"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"


# The signature and the user agent take half of the time of a request that is answered in this process.
AUTH_TYPE_MAPS["v4"] = _Unsigned
setattr(UserAgentString, "to_string", lambda self: "tests")  # noqa: B010


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what lives as long as the run, and look through the rest less often.

    Clients and moto's stacks hold themselves in circles: after each few hundred objects it looked through all of them.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _no_stack_of_another(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let no command find a stack that the test did not start, such as one that runs from this checkout."""
    os.environ[FOLDER_VARIABLE] = str(tmp_path_factory.getbasetemp() / "no-stacks")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for what the test needs before any of its fixtures begins."""
    for mark in item.iter_markers("needs"):
        needs.require(*mark.args)

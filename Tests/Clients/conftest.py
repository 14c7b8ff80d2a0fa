import os
import ssl

import httpx
import pytest
import requests

from lodge import ClusterNode, Node


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    if file := os.environ.get("LODGE_CLUSTER"):
        yield ClusterNode(file, os.environ.get("LODGE_CLUSTER_NODE", "n1"))
        return
    node = Node(tmp_path_factory.mktemp("node"))
    yield node
    status = node.stop()
    assert status == 0, f"lodged ended with {status}:\n{node.log.read_text()}"
    assert "level=error" not in node.log.read_text(), node.log.read_text()


@pytest.fixture(scope="session")
def acme(node):
    return node.create_tenant("acme")


@pytest.fixture(scope="session")
def globex(node):
    return node.create_tenant("globex")


@pytest.fixture(scope="session")
def zenpy(node):
    """Makes zenpy clients, over TLS as it insists on."""
    from zenpy import Zenpy

    def make(tenant, email=None, token=None, **options):
        session = requests.Session()
        # Otherwise REQUESTS_CA_BUNDLE of the environment would win over `verify`.
        session.trust_env = False
        session.verify = str(node.ca)
        session.mount("https://", requests.adapters.HTTPAdapter(**Zenpy.http_adapter_kwargs()))
        return Zenpy(
            subdomain=tenant.name, domain=f"desk.test:{node.tls_port}", email=email or tenant.email,
            token=tenant.token if token is None else token, session=session, disable_cache=True, **options)

    return make


@pytest.fixture(scope="session")
def strict(node):
    """Makes python-zendesk clients, which validate every answer against typed models."""
    from zendesk import Zendesk, models

    def make(tenant, email=None):
        context = ssl.create_default_context(cafile=str(node.ca))
        return Zendesk(
            security=models.Security(username=f"{email or tenant.email}/token", password=tenant.token),
            server_url=f"https://{tenant.name}.desk.test:{node.tls_port}",
            client=httpx.Client(verify=context, follow_redirects=True, trust_env=False))

    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    node = getattr(item, "funcargs", {}).get("node")
    if report.failed and node is not None:
        report.sections.append(("lodged", node.log.read_text()[-4000:]))

"""A property-based run over the served OpenAPI document: no 5xx, no undocumented status, answers as described."""

import os
import pathlib
import subprocess
import sys

import pytest

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("role", ["admin", "end-user"])
def test_no_request_the_document_allows_breaks_its_promise(node, role):
    desk = node.create_tenant(f"fuzz-{role}", requests_per_minute=100_000_000)
    user = desk.email
    if role == "end-user":
        user = desk.post("/api/v2/users.json", {"user": {
            "name": "End user", "email": "end@fuzz.example", "verified": True}})["user"]["email"]
    for number in range(3):
        desk.post("/api/v2/tickets.json", {"ticket": {"comment": {"body": f"Ticket {number}"}}})
    headers = desk.headers(user)
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{node.http}/api/v2/openapi.json",
        "--url", node.http, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--seed", "1",
        "--max-examples", "12", "--generation-deterministic", "--workers", "2",
        "--exclude-operation-id", "setUserPassword",
    ]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=380,
                            env={**os.environ, "NO_COLOR": "1"})
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]

"""Rate limits: a burst is refused with a time to wait, and zenpy waits by itself."""

from zenpy.lib.exception import RatelimitBudgetExceeded
import pytest


def test_a_burst_is_refused_with_whole_seconds_to_wait(node):
    desk = node.create_tenant("burst", requests_per_minute=20)
    answers = [desk.call("GET", "/api/v2/users/me.json") for _ in range(60)]
    refused = [answer for answer in answers if answer.status_code == 429]
    # A minute may end in between: then the limit begins anew.
    assert 20 <= len(refused) <= 40
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
    first = answers[0].headers
    assert first["X-Rate-Limit"] == "20" and int(first["X-Rate-Limit-Remaining"]) <= 19
    assert refused[-1].json()["error"] == "TooManyRequests"


def test_zenpy_understands_the_refusal(node, zenpy):
    desk = node.create_tenant("patient", requests_per_minute=5)
    client = zenpy(desk, ratelimit_budget=1)
    with pytest.raises(RatelimitBudgetExceeded):
        for _ in range(20):
            client.users.me()


def test_one_desk_does_not_pay_for_another(node):
    noisy = node.create_tenant("noisy", requests_per_minute=5)
    quiet = node.create_tenant("quiet", requests_per_minute=5)
    for _ in range(20):
        noisy.call("GET", "/api/v2/users/me.json")
    assert quiet.call("GET", "/api/v2/users/me.json").status_code == 200

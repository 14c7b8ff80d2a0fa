"""What a node does for clients whose tenant another node leads: asks there, asks again when that may do no harm, and tells where it may."""

import base64
import json
import time

import pytest

from client import Desk
from local_cluster import poll


@pytest.fixture
def acme(whole_cluster, workload):
    """A new tenant, the node that leads it, and the two others."""
    tenant = whole_cluster.make_tenant(f"gate{time.monotonic_ns()}")
    desk = Desk(whole_cluster, tenant)
    for name in whole_cluster.names:
        desk.get(name, "/api/v2/tickets.json")
    leader = whole_cluster.leader_of(tenant["shard"])
    return tenant, desk, leader, [name for name in whole_cluster.names if name != leader]


def ticket(subject):
    return {"ticket": {"subject": subject, "comment": {"body": "It hums."}}}


def subjects(desk, node):
    return sorted(ticket["subject"] for ticket in desk.pages(node, "/api/v2/tickets.json", "tickets"))


@pytest.mark.short
def test_a_write_whose_leader_stands_still_is_repeated_under_its_key(whole_cluster, acme):
    """The client hears one answer, of the next leader, and the old one does not do it again when it goes on."""
    tenant, desk, leader, others = acme
    whole_cluster.pause(leader)
    # The gateway waits for what it has asked until the link is gone, and then for the next leader; all of that has a deadline.
    answer = desk.call(others[0], "POST", "/api/v2/tickets.json", ticket("once"), {"Idempotency-Key": "k1"})
    whole_cluster.resume(leader)
    assert answer.status == 201, answer
    again = desk.call(others[1], "POST", "/api/v2/tickets.json", ticket("once"), {"Idempotency-Key": "k1"})
    assert again.status == 201 and again.json["ticket"]["id"] == answer.json["ticket"]["id"], again
    whole_cluster.wait_healthy()
    assert subjects(desk, others[0]) == ["once"]


@pytest.mark.short
def test_a_write_whose_leader_dies_is_answered_by_the_next(whole_cluster, acme):
    """Whoever is asked meanwhile finds the new leader by itself: no client sees the failure."""
    tenant, desk, leader, others = acme
    whole_cluster.kill(leader)
    answers = [
        desk.call(others[number % 2], "POST", "/api/v2/tickets.json", ticket(f"t{number}"), {"Idempotency-Key": f"d{number}"})
        for number in range(5)]
    assert [answer.status for answer in answers] == [201] * 5, answers
    whole_cluster.start_node(leader)
    whole_cluster.wait_healthy()
    assert subjects(desk, leader) == [f"t{number}" for number in range(5)]


@pytest.mark.short
def test_without_a_majority_a_write_is_refused_in_time(whole_cluster, acme):
    """Without a key it cannot be repeated; what is said then is true: nothing was done, or nobody knows."""
    tenant, desk, leader, others = acme
    for name in others:
        whole_cluster.kill(name)
    started = time.monotonic()
    answer = desk.call(leader, "POST", "/api/v2/tickets.json", ticket("perhaps"))
    assert answer.status in (503, 504), answer
    assert time.monotonic() - started < 12
    if answer.status == 503:
        assert int(answer.headers["Retry-After"]) >= 1
    for name in others:
        whole_cluster.start_node(name)
    whole_cluster.wait_healthy()
    assert len(subjects(desk, leader)) <= 1


@pytest.mark.short
def test_a_token_that_was_used_at_a_follower_is_noted(whole_cluster, acme):
    """Followers answer reads by themselves, and hand to the leader whose token was used, at the latest when they stop."""
    tenant, desk, leader, others = acme
    made = desk.call(leader, "POST", "/api/v2/api_tokens.json", {"api_token": {"description": "for reading"}})
    assert made.status == 201, made
    token = made.json["api_token"]
    pair = f"{tenant['email']}/token:{token['token']}"
    reader = Desk(whole_cluster, {**tenant, "authorization": "Basic " + base64.b64encode(pair.encode()).decode()})
    reader.get(others[0], "/api/v2/tickets.json")
    path = f"/api/v2/api_tokens/{token['id']}.json"
    assert desk.get(leader, path)["api_token"]["last_used_at"] is None
    whole_cluster.stop_node(others[0])
    assert poll(lambda: desk.get(leader, path)["api_token"]["last_used_at"], 10)
    whole_cluster.start_node(others[0])
    whole_cluster.wait_healthy()


@pytest.mark.short
def test_every_node_tells_the_log_and_tail_shows_it(whole_cluster, acme):
    tenant, desk, leader, others = acme
    number = desk.call(others[0], "POST", "/api/v2/tickets.json", ticket("hum")).json["ticket"]["id"]
    assert desk.call(leader, "PUT", f"/api/v2/tickets/{number}.json", {"ticket": {"status": "pending"}}).status == 200

    def entries(node):
        told = whole_cluster.lodge("tail", "--tenant", tenant["name"], "--last", "1000", "--json", node=node).stdout
        return [json.loads(line) for line in told.splitlines()]

    expected = entries(leader)
    assert expected and all(entry["tenant"] == tenant["name"] for entry in expected), expected
    text = json.dumps(expected)
    assert "tickets" in text and "hum" in text and "It hums." in text
    for node in others:
        assert poll(lambda: entries(node) == expected, 10), node
    lines = whole_cluster.lodge("tail", "--tenant", tenant["name"], node=leader).stdout
    assert "tickets" in lines and tenant["token"] not in lines + text
    unknown = whole_cluster.lodge("tail", "--tenant", "nobody", node=leader, check=False)
    assert unknown.returncode == 1 and "nobody" in unknown.stderr, unknown
    nowhere = whole_cluster.lodge("tail", "--shard", "99", node=leader, check=False)
    assert nowhere.returncode == 1 and "no such shard" in nowhere.stderr, nowhere

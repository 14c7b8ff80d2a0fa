"""What is due by time alone while the node that would do it dies: done by whoever leads next, once."""

import datetime
import time

import pytest

from client import Desk

# What takes over a shard looks through its tenants every two seconds, and at what is due every second.
DONE_WITHIN = 30


def ago(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def write(desk, node, method, path, body):
    answer = desk.call(node, method, path, body)
    assert answer.status in (200, 201), (path, answer)
    return answer.json


@pytest.mark.short
def test_what_is_due_while_the_leader_is_dead_happens_once(whole_cluster, seconds):
    """Breaches and automations that come due between the death of a leader and the next leader's first look."""
    cluster = whole_cluster
    tenant = cluster.make_tenant("timers")
    desk = Desk(cluster, tenant)
    leader = cluster.leader_of(tenant["shard"])
    write(desk, leader, "POST", "/api/v2/slas/policies.json", {"sla_policy": {
        "title": "A minute", "filter": {"all": [], "any": []}, "policy_metrics": [
            {"priority": "high", "metric": "total_resolution_time", "target": 1}]}})
    write(desk, leader, "POST", "/api/v2/automations.json", {"automation": {
        "title": "An hour", "all": [{"field": "created_at", "operator": "greater_than", "value": "1"}],
        "actions": [{"field": "current_tags", "value": "old"}]}})
    tickets, dead_for = [], 4
    for place in range(seconds(10, 60)):
        # Due from just before the kill to just after the next leader has begun.
        left = 6 + dead_for * place / seconds(10, 60)
        for age in (60, 3600):
            made = write(desk, leader, "POST", "/api/v2/imports/tickets.json", {"ticket": {
                "subject": str(age), "created_at": ago(age - left),
                "comments": [{"value": "x", "created_at": ago(age - left)}]}})["ticket"]
            tickets.append(made["id"])
            # What is imported is promised nothing before its first update.
            if age == 60:
                write(desk, leader, "PUT", f"/api/v2/tickets/{made['id']}.json", {"ticket": {"priority": "high"}})
    time.sleep(5)
    cluster.kill(leader)
    survivor = next(name for name in cluster.names if name != leader)
    end = time.monotonic() + DONE_WITHIN

    def seen():
        events = desk.get(survivor, "/api/v2/incremental/ticket_metric_events.json?start_time=0")["ticket_metric_events"]
        breached = [each["ticket_id"] for each in events if each["type"] == "breach"]
        tagged = []
        for ticket in tickets:
            audits = desk.get(survivor, f"/api/v2/tickets/{ticket}/audits.json")["audits"]
            tagged += [ticket for audit in audits for event in audit["events"] if event.get("value") == ["old"]]
        return breached, tagged

    while True:
        breached, tagged = seen()
        if len(breached) >= len(tickets) // 2 and len(tagged) >= len(tickets) // 2:
            break
        assert time.monotonic() < end, (breached, tagged)
        time.sleep(0.2)
    cluster.start_node(leader)
    cluster.wait_healthy()
    # Whoever led before finds nothing left to do.
    cluster.kill(survivor)
    cluster.start_node(survivor)
    cluster.wait_healthy()
    breached, tagged = seen()
    assert sorted(breached) == sorted(set(breached)) and len(breached) == len(tickets) // 2
    assert sorted(tagged) == sorted(set(tagged)) and len(tagged) == len(tickets) // 2
    desk.close()

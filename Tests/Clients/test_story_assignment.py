"""Groups that give tickets to agents: turns, load, skills and queues; skills by the strict typed models."""

import pytest
from zenpy.lib.api_objects import Comment, Ticket

from lodge import wait_until


@pytest.fixture(scope="module")
def desk(node):
    return node.create_tenant("assignment")


@pytest.fixture(scope="module")
def client(zenpy, desk):
    return zenpy(desk)


class Team:
    """A group with agents who take tickets."""

    def __init__(self, desk, name, agents, **settings):
        self.desk = desk
        self.id = desk.post("/api/v2/groups.json", {"group": {"name": name}})["group"]["id"]
        self.agents = []
        for agent in agents:
            user = desk.post("/api/v2/users.json", {"user": {
                "name": agent, "role": "agent", "email": f"{agent.lower()}.{self.id}@assignment.example"}})["user"]
            desk.post("/api/v2/group_memberships.json", {"group_membership": {
                "user_id": user["id"], "group_id": self.id}})
            self.agents.append(user["id"])
            self.available(user["id"], "online")
        self.set(**settings)

    def set(self, **settings):
        return self.desk.put(f"/api/v2/lodge/groups/{self.id}/assignment.json", {"assignment": settings})

    def available(self, agent, state, **more):
        return self.desk.put(f"/api/v2/lodge/agents/{agent}/availability.json",
                             {"availability": {"state": state, **more}})["availability"]


def new_ticket(client, team, **fields):
    return client.tickets.create(Ticket(
        subject="Printer", comment=Comment(body="It smokes"), group_id=team.id, **fields)).ticket


def test_turns(client, desk):
    team = Team(desk, "Turns", ["Ann", "Bob", "Cy"], method="round_robin")
    given = [new_ticket(client, team).assignee_id for _ in range(7)]
    assert given == [team.agents[turn % 3] for turn in range(7)]
    ticket = new_ticket(client, team)
    assert ticket.status == "open"
    events = desk.get(f"/api/v2/tickets/{ticket.id}/audits.json")["audits"][0]["events"]
    event = next(each for each in events if each.get("field_name") == "assignee_id")
    assert event["via"] == {"channel": "rule", "source": {
        "from": {"id": team.id, "title": "Turns", "deleted": False}, "to": {}, "rel": "assignment"}}


def test_what_nobody_can_take_waits_and_goes_to_whoever_gets_room(client, desk):
    team = Team(desk, "Queue", ["Dan"], method="load", capacity=1)
    busy, calm = new_ticket(client, team), new_ticket(client, team)
    urgent = new_ticket(client, team, priority="urgent")
    assert (calm.assignee_id, urgent.assignee_id, calm.status) == (None, None, "new")
    busy.status = "solved"
    client.tickets.update(busy)
    assert client.tickets(id=urgent.id).assignee_id == team.agents[0]
    assert client.tickets(id=calm.id).assignee_id is None
    # By hand anybody may have more.
    calm.assignee_id = team.agents[0]
    assert client.tickets.update(calm).ticket.assignee_id == team.agents[0]
    work = desk.get(f"/api/v2/lodge/agents/{team.agents[0]}/availability.json")["availability"]
    assert (work["open_tickets"], work["capacity"]) == (2, None)


def test_a_long_queue_goes_on_behind_the_answer(client, desk):
    team = Team(desk, "Long", ["Eve"], method="round_robin", capacity=1000)
    team.available(team.agents[0], "away")
    tickets = [{"subject": f"T {number}", "comment": {"body": "b"}, "group_id": team.id} for number in range(60)]
    desk.finished(desk.post("/api/v2/tickets/create_many.json", {"tickets": tickets}, status=200)["job_status"])
    assert team.available(team.agents[0], "online")["open_tickets"] == 25
    path = f"/api/v2/lodge/agents/{team.agents[0]}/availability.json"
    wait_until(lambda: desk.get(path)["availability"]["open_tickets"] == 60, "the queue to be given away")


def test_skills_by_the_strict_models(client, strict, desk):
    typed = strict(desk).skill_based_routing
    attribute = desk.post("/api/v2/routing/attributes.json", {"attribute": {"name": "Language"}})["attribute"]
    value = desk.post(f"/api/v2/routing/attributes/{attribute['id']}/values.json",
                      {"attribute_value": {"name": "Spanish"}})["attribute_value"]
    assert [each.name for each in typed.list_account_attributes().attributes] == ["Language"]
    assert typed.show_attribute(attribute_id=attribute["id"]).attribute.id == attribute["id"]
    assert typed.update_attribute(attribute_id=attribute["id"]).attribute.name == "Language"
    shown = typed.list_attribute_values(attribute_id=attribute["id"]).attribute_values
    assert [(each.id, each.attribute_id, each.name) for each in shown] == [
        (value["id"], attribute["id"], "Spanish")]
    one = typed.show_attribute_value(attribute_id=attribute["id"], attribute_value_id=value["id"])
    assert one.attribute_value.name == "Spanish"

    team = Team(desk, "Skills", ["Fay", "Gus"], method="round_robin", uses_skills=True)
    desk.post(f"/api/v2/routing/agents/{team.agents[1]}/instance_values.json",
              {"attribute_value_ids": [value["id"]]}, status=200)
    assert [each.id for each in typed.list_a_gent_attribute_values(
        user_id=team.agents[1]).attribute_values] == [value["id"]]
    trigger = desk.post("/api/v2/triggers.json", {"trigger": {
        "title": "Spanish", "all": [{"field": "current_tags", "operator": "includes", "value": "es"}],
        "actions": [{"field": "set_skills", "value": [value["id"]]}]}})["trigger"]
    assert [new_ticket(client, team, tags=["es"]).assignee_id for _ in range(2)] == [team.agents[1]] * 2
    team.available(team.agents[1], "away")
    waiting = new_ticket(client, team, tags=["es"])
    assert waiting.assignee_id is None
    assert [each.id for each in typed.list_ticket_attribute_values(
        ticket_id=waiting.id).attribute_values] == [value["id"]]
    assert new_ticket(client, team).assignee_id == team.agents[0]
    # A deleted skill is needed no more; what waited for it goes on behind the answer.
    assert desk.call("DELETE", f"/api/v2/triggers/{trigger['id']}.json").status_code == 204
    typed.delete_attribute(attribute_id=attribute["id"])
    wait_until(lambda: client.tickets(id=waiting.id).assignee_id == team.agents[0], "the ticket to be given away")


def test_availability_as_json_api(desk):
    team = Team(desk, "Shapes", ["Hal"], method="load")
    team.available(team.agents[0], "away", capacity=7)
    one = desk.get(f"/api/v2/agent_availabilities/{team.agents[0]}.json")
    assert one["data"]["attributes"]["agent_status"]["name"] == "away"
    assert one["included"][0]["attributes"]["max_capacity"] == 7
    found, link = [], "/api/v2/agent_availabilities.json?page[size]=2"
    while link:
        page = desk.get(link)
        found += [each["attributes"]["agent_id"] for each in page["data"]]
        link = page["meta"]["has_more"] and page["links"]["next"].split(":", 2)[2].split("/", 1)[1]
        link = link and "/" + link
    assert team.agents[0] in found and len(found) == len(set(found))

#!/usr/bin/env python3
"""Writes tickets, changes and comments into a tenant one by one, as people do, with words that mean nothing: what is alike in them is what
all desks have alike. For train.py.

    Benchmarks/dictionary/fill.py --http 127.0.0.1:8080 --host acme.localhost --user ann@acme.example/token:TOKEN [--count 3000]
"""

import argparse
import base64
import http.client
import json
import random


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--http", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    connection = http.client.HTTPConnection(options.http, timeout=30)
    headers = {"Host": options.host, "Content-Type": "application/json",
               "Authorization": "Basic " + base64.b64encode(options.user.encode()).decode()}

    def words(count):
        return " ".join("".join(chance.choices("etaoinshrdlucmfwypvbgkjqxz", k=chance.randint(2, 9))) for _ in range(count))

    def call(method, path, body):
        connection.request(method, path, json.dumps({"ticket": body}), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 429:
            raise SystemExit("the tenant may not make so many requests a minute: lodge tenant limits")
        return answer.status, text

    tickets = 0
    for _ in range(options.count):
        dice = chance.random()
        if not tickets or dice < 1 / 6:
            call("POST", "/api/v2/tickets.json", {
                "subject": words(5), "priority": chance.choice(["low", "normal", "high", "urgent"]), "tags": [words(1)],
                "comment": {"body": words(chance.randint(8, 80))},
                "requester": {"name": words(2), "email": f"{words(1)}{tickets % 97}@{words(1)}.example"}})
            tickets += 1
            continue
        ticket = f"/api/v2/tickets/{chance.randint(1, tickets)}.json"
        if dice < 4 / 6:
            call("PUT", ticket, chance.choice([
                {"status": chance.choice(["open", "pending", "hold", "solved"])}, {"priority": chance.choice(["low", "high"])},
                {"additional_tags": [words(1)]}]))
        else:
            call("PUT", ticket, {"comment": {"body": words(chance.randint(5, 60)), "public": chance.random() < 0.7}})


main()

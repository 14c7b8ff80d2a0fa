"""The desk over plain HTTP, as the fault tests need it: every request bounded, every failure told apart."""

import http.client
import json
import time

from clusters import ClusterFailure

# What docs promise: no request is answered later than this, whatever has failed.
ANSWER_WITHIN = 15


class NoAnswer(Exception):
    """The request may or may not have been carried out."""

    def __init__(self, words, is_late=False):
        super().__init__(words)
        self.is_late = is_late


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Desk:
    """A tenant as one client sees it: a kept connection to each node. Not for several threads at once."""

    def __init__(self, cluster, tenant):
        self.cluster, self.tenant = cluster, tenant
        self._connections = {}

    def call(self, node, method, path, body=None, headers=None, timeout=ANSWER_WITHIN + 1):
        """One request to one node.

        Raises: NoAnswer when the connection fails or the time is over.
        """
        try:
            address = self.cluster.node(node)["http"]
        except ClusterFailure as failure:
            # Removed while this client went from node to node.
            raise NoAnswer(str(failure)) from None
        connection = self._connections.get(node)
        if connection is None:
            connection = self._connections[node] = http.client.HTTPConnection(address, timeout=timeout)
        elif connection.sock is not None:
            connection.sock.settimeout(timeout)
        started = time.monotonic()
        try:
            connection.request(
                method, path, None if body is None else json.dumps(body),
                {"Host": f"{self.tenant['name']}.localhost:{address.rsplit(':', 1)[1]}",
                 "Authorization": self.tenant["authorization"], "Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            del self._connections[node]
            raise NoAnswer(repr(error), is_late=time.monotonic() - started > ANSWER_WITHIN) from None

    def get(self, node, path, headers=None, within=30):
        """Reads what must be there; a node that is not ready yet is asked again until the time is over."""
        end = time.monotonic() + within
        while True:
            try:
                answer = self.call(node, "GET", path, headers=headers)
                if answer.status == 200:
                    return answer.json
                problem = repr(answer)
            except NoAnswer as error:
                problem = str(error)
            if time.monotonic() > end:
                raise AssertionError(f"GET {path} at {node} of {self.tenant['name']}: {problem}")
            time.sleep(0.1)

    def pages(self, node, path, member):
        """All records of a list, page by page."""
        after = ""
        while True:
            page = self.get(node, f"{path}{'&' if '?' in path else '?'}page[size]=100{after}")
            yield from page[member]
            if not page["meta"]["has_more"]:
                return
            after = "&page[after]=" + page["meta"]["after_cursor"]

    def close(self):
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

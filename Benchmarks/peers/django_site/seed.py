"""One queue and one agent who has logged in; prints session, queue and agent as JSON."""

import json

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from helpdesk.models import Queue  # noqa: E402

agent = get_user_model().objects.create_superuser("root", "root@peer.test")
queue = Queue.objects.create(title="General", slug="general", allow_public_submission=True)
session = SessionStore()
session[SESSION_KEY] = str(agent.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = agent.get_session_auth_hash()
session.save()
print(json.dumps({"session": session.session_key, "queue": queue.pk, "agent": agent.pk}))

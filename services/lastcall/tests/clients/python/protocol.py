"""What all these programs do alike: they are called with the URL of a stream and a token, and print a line of JSON for each
event that their library gives them."""

import json
import sys

URL, TOKEN = sys.argv[1:3]

AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}

# Three heartbeats: a connection that is silent for longer is dead.
SILENCE = 45.0


def emit(identity, kind, data):
    print(json.dumps({"id": identity, "type": kind, "data": data}), flush=True)

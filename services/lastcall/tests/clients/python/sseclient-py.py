"""sseclient-py reads one response. Reconnecting is left to the caller.

It says nothing of blocks without data: neither of their id, so the URL has a position for the time until the first event, nor
of their `retry`, so the caller waits for a time of its own.
"""

import random
import time

import requests
import sseclient

from protocol import AUTHORIZATION, SILENCE, URL, emit

last_id = ""
while True:
    after = {"Last-Event-ID": last_id} if last_id else {}
    try:
        response = requests.get(URL, headers=AUTHORIZATION | after, stream=True, timeout=SILENCE)
        if 400 <= response.status_code < 500:
            raise SystemExit(response.text)
        for event in sseclient.SSEClient(response).events():
            last_id = event.id
            emit(event.id, event.event, event.data)
    except requests.RequestException:
        pass
    time.sleep(random.uniform(0.5, 1.5))

"""httpx-sse reads one response. Reconnecting is left to the caller, who is told of every id and every `retry`."""

import time

import httpx
from httpx_sse import connect_sse

from protocol import AUTHORIZATION, SILENCE, URL, emit

last_id, retry = "", 1.0
with httpx.Client(timeout=SILENCE) as client:
    while True:
        after = {"Last-Event-ID": last_id} if last_id else {}
        try:
            with connect_sse(client, "GET", URL, headers=AUTHORIZATION | after) as source:
                source.response.raise_for_status()
                for event in source.iter_sse():
                    last_id = event.id or last_id
                    if event.retry is not None:
                        retry = event.retry / 1000
                    # It gives out blocks without data, which browsers keep to themselves.
                    if event.data:
                        emit(event.id, event.event, event.data)
        except httpx.TransportError:
            pass
        time.sleep(retry)

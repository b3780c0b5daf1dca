"""requests-sse reconnects by itself, after twice the `retry` of the stream, and keeps ids that come without data.

When it cannot connect five times it gives up, and the caller begins anew after the last event.
"""

import requests
from requests_sse import EventSource, InvalidStatusCodeError

from protocol import AUTHORIZATION, SILENCE, URL, emit

last_id = None
while True:
    try:
        with EventSource(URL, headers=AUTHORIZATION, timeout=SILENCE, latest_event_id=last_id) as source:
            for event in source:
                last_id = event.last_event_id
                emit(event.last_event_id, event.type, event.data)
    except InvalidStatusCodeError as error:
        raise SystemExit(str(error)) from error
    except requests.RequestException:
        pass

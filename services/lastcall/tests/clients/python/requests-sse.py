"""requests-sse reconnects by itself, after twice the `retry` of the stream, and keeps ids that come without data.

It also keeps the id of an event that a broken connection tore off: the next empty line, such as that of an answer which only
says when to come back, makes it the position, and that event is lost. So we keep the id of the last whole one, and put it in
place of the library's; the URL has a position for the time until the first.

When it cannot connect five times it gives up, and the caller begins anew.
"""

import requests
from requests_sse import EventSource, InvalidStatusCodeError

from protocol import AUTHORIZATION, SILENCE, URL, emit

ID = "Last-Event-Id"

last_id = ""


class AfterLast(requests.Session):
    def request(self, *arguments, headers, **others):
        headers = {name: value for name, value in headers.items() if name != ID}
        if last_id:
            headers[ID] = last_id
        return super().request(*arguments, headers=headers, **others)


while True:
    try:
        with EventSource(URL, headers=AUTHORIZATION, timeout=SILENCE, session=AfterLast()) as source:
            for event in source:
                last_id = event.last_event_id
                emit(event.last_event_id, event.type, event.data)
    except InvalidStatusCodeError as error:
        raise SystemExit(str(error)) from error
    except requests.RequestException:
        pass

"""aiohttp-sse-client reconnects by itself when a stream ends properly, and keeps ids that come without data.

It raises when a connection breaks, and the caller begins anew after the last event. What it knew of ids without data is lost
with that: the URL has a position for the time until the first event. It has no way to begin after an id but the header.
"""

import asyncio
import random

from aiohttp import ClientError, ClientTimeout
from aiohttp_sse_client.client import EventSource

from protocol import AUTHORIZATION, SILENCE, URL, emit

# By default a whole response may take five minutes.
TIMEOUT = ClientTimeout(total=None, sock_read=SILENCE)


async def main():
    last_id = ""
    while True:
        # Written as the library writes it, or there would be two of them.
        after = {"Last-Event-Id": last_id} if last_id else {}
        try:
            async with EventSource(URL, headers=AUTHORIZATION | after, timeout=TIMEOUT) as source:
                async for event in source:
                    last_id = event.last_event_id
                    emit(event.last_event_id, event.type or "message", event.data)
        except ConnectionRefusedError as error:
            raise SystemExit(str(error)) from error
        except (ClientError, ConnectionError, asyncio.TimeoutError):
            await asyncio.sleep(random.uniform(0.5, 1.5))


asyncio.run(main())

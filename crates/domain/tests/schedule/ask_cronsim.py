"""Answers from cronsim, for the schedules to be compared with.

Prints the versions of what it stands on, then for each line `AFTER UNTIL ZONE EXPRESSION` (tabs between them, seconds
since 1970) one line with the instants after the one and up to the other.
"""

import sys
import zoneinfo
from datetime import datetime, timezone
from importlib import metadata

import tzdata
from cronsim import CronSim

# Not the machine's own zones, whose version is anybody's guess.
zoneinfo.reset_tzpath(to=[])


def instants(after: int, until: int, zone: str, expression: str):
    start = datetime.fromtimestamp(after, timezone.utc).astimezone(zoneinfo.ZoneInfo(zone))
    for instant in CronSim(expression, start):
        second = int(instant.timestamp())
        if second > until:
            return
        yield second


print(f"cronsim {metadata.version('cronsim')}, zones {tzdata.IANA_VERSION}")
for line in sys.stdin:
    after, until, zone, expression = line.rstrip("\n").split("\t")
    print(*instants(int(after), int(until), zone, expression))

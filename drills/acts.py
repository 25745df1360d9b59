"""Which limit acted: the counters of all hosts, before and after."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from anlan.errors import AnlanError
from anlan.remote import Remote, Unreachable

DEADLINE_SECONDS = 15.0
FRESH_SECONDS = 6.0
"""After this the files below hold what has happened (limits-watch writes every 5 s)."""

FILE = '/run/anlan/metrics/limits.prom'
LINE = re.compile(r'^anlan_limits_(?P<name>\w+)_total(?:\{(?P<label>\w+)="(?P<value>\w+)"\})? (?P<count>\d+)$')
SHOWN = {
    'dropped': '{value}',
    'requests_refused': 'refused',
    'requests_held': '{value}',
    'syn_cookies_sent': 'SYN cookies',
}
TIERS = ('firewall', 'edge', 'balancer')


def counts_in(text: str) -> Counter[str]:
    """Given the metrics of a host, return how often each limit acted, by its name."""
    counts: Counter[str] = Counter()
    for line in text.splitlines():
        match = LINE.match(line)
        if match and match['name'] in SHOWN:
            counts[SHOWN[match['name']].format(value=match['value'])] += int(match['count'])
    return counts


def acts_since(before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]]) -> dict[str, int]:
    """Given the counts of each host before and after, return how often each limit acted in between, most first.

    A host whose counters began anew counts from 0.
    """
    total: Counter[str] = Counter()
    for host, counts in after.items():
        earlier = before.get(host, Counter())
        for name, count in counts.items():
            total[name] += count - earlier[name] if count >= earlier[name] else count
    return {name: count for name, count in total.most_common() if count}


def read_counts(remote: Remote, outputs: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Given a platform, return the counts of every host that limits something. Raise AnlanError if one is not read."""
    hosts = [name for name, host in outputs['hosts'].items() if host['tier'] in TIERS]
    found = {}
    for host, result in remote.run_on_all(hosts, ['cat', FILE], DEADLINE_SECONDS).items():
        if isinstance(result, Unreachable) or result.code != 0:
            reason = result if isinstance(result, Unreachable) else result.err.strip()
            raise AnlanError(f'{host}: what its limits did is not known: {reason}')
        found[host] = counts_in(result.out)
    return found

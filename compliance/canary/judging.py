"""Judging: what the searches of all hosts mean together. Nothing unobserved passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from compliance.canary.needle import Needle, Purpose
from compliance.canary.searching import Hit, HostSearch

Verdict = Literal['pass', 'fail', 'not-verified']
SHOWN = 5
OUT_OF_SCOPE = {
    'zh': '应用、数据库和代理的进程内存不在搜索范围内（Valkey 除外）；文件中间的压缩内容、归档中的归档不展开。',
    'en': "The memory of processes is not searched, but Valkey's; what is compressed in the middle of a file, or an "
    'archive in an archive, is not opened.',
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a needle that is there must be found, or the search is blind."""

    host: str
    name: str
    part_of_path: str

    def holds(self, hit: Hit) -> bool:
        """Return whether a hit is here."""
        return self.part_of_path in hit.path and hit.kind in ('file', 'opened')


def places_of(leader: str, dump: str) -> tuple[Place, ...]:
    """Given the leader of the database and the dump taken on it, return where the row of the canary must have been."""
    return (
        Place(leader, 'database files', '/base/'),
        Place(leader, 'write-ahead log', '/pg_wal/'),
        Place(leader, 'dump', dump),
    )


@dataclass(frozen=True)
class Canary:
    """The result: the verdict, why it is no better, and what every host did."""

    verdict: Verdict
    reasons: tuple[str, ...]
    username: str
    needles: tuple[Needle, ...]
    steps: tuple[str, ...]
    searches: Mapping[str, HostSearch]

    def document(self) -> dict[str, Any]:
        """Return it as plain data; nothing in it holds what was searched for."""
        return {
            'verdict': self.verdict, 'reasons': list(self.reasons), 'username': self.username,
            'steps': list(self.steps), 'out_of_scope': OUT_OF_SCOPE,
            'needles': [{'name': needle.name, 'purpose': str(needle.purpose)} for needle in self.needles],
            'hosts': [self.searches[name].document() for name in sorted(self.searches)],
        }  # fmt: skip


def judge(
    *,
    username: str,
    needles: Sequence[Needle],
    places: Sequence[Place],
    searches: Mapping[str, HostSearch],
    steps: Sequence[str] = (),
    doubts: Sequence[str] = (),
) -> Canary:
    """Given what was searched for, where it must be found, what every host answered, and doubts from elsewhere, judge.

    A secret that was found anywhere is `fail`. It is `not-verified` if a host was not searched whole, if the control or
    the user name beside the secrets was not found where it is, or for any doubt. Else it is `pass`.
    """
    found = tuple(_leaks(needles, searches))
    unseen = (*doubts, *_unsearched(searches), *_blind(needles, places, searches))
    verdict: Verdict = 'fail' if found else 'not-verified' if unseen else 'pass'
    return Canary(verdict, (*found, *unseen), username, tuple(needles), tuple(steps), searches)


def _leaks(needles: Sequence[Needle], searches: Mapping[str, HostSearch]) -> list[str]:
    secret = {needle.name for needle in needles if needle.purpose is Purpose.SECRET}
    return [
        f'{host}: {hit.needle} in plain ({hit.encoding}) in {hit.path}'
        for host, search in sorted(searches.items())
        for hit in search.hits
        if hit.needle in secret
    ]


def _unsearched(searches: Mapping[str, HostSearch]) -> list[str]:
    if not searches:
        return ['no host was searched']
    reasons = []
    for host, search in sorted(searches.items()):
        if search.reason:
            reasons.append(f'{host}: {search.reason}' if not search.reason.startswith(f'{host}:') else search.reason)
        elif not search.counts.get('files'):
            reasons.append(f'{host}: not one file was searched')
        reasons += [f'{host}: {path} was not searched: {reason}' for path, reason in search.skipped[:SHOWN]]
        if search.places_skipped > SHOWN:
            reasons.append(f'{host}: {search.places_skipped - SHOWN} more places were not searched')
    return reasons


def _blind(needles: Sequence[Needle], places: Sequence[Place], searches: Mapping[str, HostSearch]) -> list[str]:
    if not searches:
        return []
    reasons = []
    for purpose in (Purpose.CONTROL, Purpose.PRESENCE):
        wanted = {needle.name for needle in needles if needle.purpose is purpose}
        if not wanted:
            reasons.append(f'there was no {purpose} needle: nothing shows that the search finds what is there')
        for name in sorted(wanted):
            for place in places:
                search = searches.get(place.host)
                if search is None or not any(hit.needle == name and place.holds(hit) for hit in search.hits):
                    reasons.append(f'{place.host}: the {name} is in the {place.name} and was not found there')
    if not places:
        reasons.append('no place was named where the control must be found')
    return reasons

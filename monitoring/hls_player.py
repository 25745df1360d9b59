"""Plays an HLS lesson in real time without showing it, as one JSON object on standard output. Standard library only.

Reads one JSON object from standard input: `url` of the front door, `playlist`, `seconds`. Chooses each segment's
rendition as hls.js does for recorded video: a quick and a slow weighted mean of the measured throughput (half-lives 3
and 9 s, 500 kbit/s until something was measured), of which the lower counts; a rendition may use 0.95 of it, a higher
one than now 0.7. A segment that would not be there in time is given up for the lowest rendition. It stalls when the
picture would stop: playing, and nothing left to play. The next address of the front door is tried when one is silent.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import sys
import time
import urllib.parse

CONNECT_SECONDS = 2.0
READ_SECONDS = 20.0
CHUNK_BYTES = 4096
BUFFER_SECONDS = 12.0
FIRST_GUESS_BITS = 500_000.0
SAME_SHARE, HIGHER_SHARE = 0.95, 0.7
HALF_LIVES_SECONDS = (3.0, 9.0)
RETRIES = 4


class TooSlow(Exception):
    """A segment that would come too late."""


class Mean:
    """A weighted mean whose weights halve with the seconds of measured transfer, as in hls.js."""

    def __init__(self, half_life_seconds: float) -> None:
        self.alpha = 0.5 ** (1 / half_life_seconds)
        self.estimate = 0.0
        self.weight = 0.0

    def sample(self, seconds: float, value: float) -> None:
        kept = self.alpha**seconds
        self.estimate = value * (1 - kept) + kept * self.estimate
        self.weight += seconds

    def value(self) -> float:
        known = 1 - self.alpha**self.weight
        return self.estimate / known if known else FIRST_GUESS_BITS


class Player:
    """One player: its connection, what it measured, and how much it has to play."""

    def __init__(self, question: dict[str, str]) -> None:
        place = urllib.parse.urlsplit(question['url'])
        self.name, self.port = str(place.hostname), place.port or 443
        self.context = ssl.create_default_context()
        self.connection: http.client.HTTPSConnection | None = None
        self.means = [Mean(half_life) for half_life in HALF_LIVES_SECONDS]
        self.started: float | None = None
        self.loaded_seconds = self.stalled_seconds = 0.0
        self.stalls = self.given_up = self.retried = 0

    def connect(self) -> http.client.HTTPSConnection:
        if self.connection is None:
            made = http.client.HTTPSConnection(self.name, self.port, timeout=READ_SECONDS, context=self.context)
            raw = socket.create_connection((self.name, self.port), CONNECT_SECONDS)
            raw.settimeout(READ_SECONDS)
            made.sock = self.context.wrap_socket(raw, server_hostname=self.name)
            self.connection = made
        return self.connection

    def forget(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def load(self, path: str, patience_seconds: float | None = None) -> bytes:
        """Fetch a path, again if its edge is silent. Raise TooSlow if it would take longer than there is to play."""
        for left in reversed(range(RETRIES)):
            try:
                return self.load_once(path, patience_seconds)
            except (OSError, http.client.HTTPException):
                self.forget()
                if not left:
                    raise
                self.retried += 1
                time.sleep(0.2)
        raise AssertionError('there is always a last try')

    def load_once(self, path: str, patience_seconds: float | None) -> bytes:
        connection = self.connect()
        asked = time.monotonic()
        connection.request('GET', path)
        answer = connection.getresponse()
        if answer.status != 200:
            answer.read()
            raise LookupError(f'{path.rpartition("/")[2]} answered {answer.status}')
        total, content = int(answer.getheader('Content-Length') or 0), bytearray()
        while chunk := answer.read1(CHUNK_BYTES):
            content += chunk
            took = time.monotonic() - asked
            if patience_seconds is not None and total and took > 0.5:
                remaining = (total - len(content)) / (len(content) / took)
                if remaining > max(0.1, patience_seconds - took):
                    self.measure(len(content), took)
                    self.forget()
                    raise TooSlow
        self.measure(len(content), time.monotonic() - asked)
        return bytes(content)

    def measure(self, size: int, seconds: float) -> None:
        # A playlist's few bytes measure the way there and back, not the throughput.
        if size >= 2 * CHUNK_BYTES:
            for mean in self.means:
                mean.sample(max(seconds, 0.05), 8 * size / max(seconds, 0.001))

    def estimate(self) -> float:
        return min(mean.value() for mean in self.means)

    def choose(self, renditions: list[dict[str, object]], now: int | None) -> int:
        """Return the highest rendition that the measured throughput carries."""
        chosen = 0
        for number, rendition in enumerate(renditions):
            share = HIGHER_SHARE if now is not None and number > now else SAME_SHARE
            if float(str(rendition['bits'])) <= self.estimate() * share:
                chosen = number
        return chosen

    def ahead(self) -> float:
        """Return how many seconds are there to play; below 0 the picture has stopped."""
        if self.started is None:
            return self.loaded_seconds
        return self.loaded_seconds - (time.monotonic() - self.started - self.stalled_seconds)

    def add(self, seconds: float) -> None:
        ahead = self.ahead()
        if self.started is None:
            self.started = time.monotonic()
        elif ahead < 0:
            self.stalls += 1
            self.stalled_seconds -= ahead
        self.loaded_seconds += seconds


def parse_master(text: str) -> list[dict[str, object]]:
    found = re.findall(r'#EXT-X-STREAM-INF:[^\n]*?BANDWIDTH=(\d+)[^\n]*\n([^\n]+)', text)
    return sorted(({'bits': int(bits), 'path': path.strip()} for bits, path in found), key=lambda each: each['bits'])


def parse_segments(text: str) -> list[tuple[float, str]]:
    return [(float(s), path.strip()) for s, path in re.findall(r'#EXTINF:([0-9.]+),[^\n]*\n([^\n]+)', text)]


def play(question: dict[str, str]) -> dict[str, object]:
    player, opened = Player(question), time.monotonic()
    ends = opened + float(question['seconds'])
    master = question['playlist']
    renditions = parse_master(player.load(master).decode())
    segments: list[list[tuple[float, str]] | None] = [None] * len(renditions)
    played: list[int] = []
    estimates: list[int] = []
    level: int | None = None
    number = 0
    startup_seconds = 0.0
    forced = False
    while time.monotonic() < ends:
        level = 0 if forced else player.choose(renditions, level)
        place = urllib.parse.urljoin(master, str(renditions[level]['path']))
        listed = segments[level] = segments[level] or parse_segments(player.load(place).decode())
        if number == len(listed):
            break
        while player.ahead() > BUFFER_SECONDS and time.monotonic() < ends:
            time.sleep(0.1)
        length, name = listed[number]
        patience = player.ahead() if level > 0 and player.started is not None else None
        try:
            player.load(urllib.parse.urljoin(place, name), patience)
        except TooSlow:
            player.given_up += 1
            forced = True
            continue
        forced = False
        player.add(length)
        if number == 0:
            startup_seconds = time.monotonic() - opened
        played.append(level)
        estimates.append(round(player.estimate() / 1000))
        number += 1
    return {
        'renditions': [rendition['bits'] for rendition in renditions], 'played': played,
        'kilobits_per_second': estimates, 'startup_seconds': round(startup_seconds, 3), 'stalls': player.stalls,
        'stalled_seconds': round(player.stalled_seconds, 3), 'given_up': player.given_up, 'retried': player.retried,
        'loaded_seconds': round(player.loaded_seconds, 3),
    }  # fmt: skip


if __name__ == '__main__':
    json.dump(play(json.load(sys.stdin)), sys.stdout)

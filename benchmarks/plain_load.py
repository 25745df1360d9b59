"""Runs on a host: asks a plain HTTP server, and prints as JSON how much came through, and how long answers took.

Arguments: address, port. Bulk is one large download; objects are connections of their own, one after the other on
each of four ways; latency is of small answers over one connection. Each ends after a number of requests or seconds.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time

BULK_BYTES = 128 * 1024 * 1024
OBJECT_BYTES = 512 * 1024
OBJECTS, WAYS = 40, 4
ANSWER_BYTES = 1024
LATENCIES = 600
WAIT_SECONDS = 20.0


def fetched(address: str, port: int, size: int) -> int:
    """Return the bytes that came over a connection of its own."""
    link = http.client.HTTPConnection(address, port, timeout=WAIT_SECONDS)
    try:
        link.request('GET', f'/{size}')
        answer, count = link.getresponse(), 0
        while part := answer.read(1 << 20):
            count += len(part)
        return count
    finally:
        link.close()


def megabits_a_second(count: int, seconds: float) -> float:
    """Given bytes and seconds, return the rate."""
    return count * 8 / seconds / 1_000_000


def bulk(address: str, port: int) -> float:
    """Return the rate of one large download."""
    started = time.monotonic()
    return megabits_a_second(fetched(address, port, BULK_BYTES), time.monotonic() - started)


def objects(address: str, port: int) -> float:
    """Return the rate of many objects on several ways at once. Raise OSError if one did not come whole."""
    counts: list[int] = []

    def ask() -> None:
        for _ in range(OBJECTS):
            counts.append(fetched(address, port, OBJECT_BYTES))

    started = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(WAYS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if sum(counts) != WAYS * OBJECTS * OBJECT_BYTES:
        raise OSError(f'{sum(counts)} bytes came of {WAYS * OBJECTS * OBJECT_BYTES}')
    return megabits_a_second(sum(counts), time.monotonic() - started)


def latencies(address: str, port: int) -> list[float]:
    """Return how long each small answer took, in milliseconds, in order of size."""
    link = http.client.HTTPConnection(address, port, timeout=WAIT_SECONDS)
    took = []
    for _ in range(LATENCIES):
        started = time.monotonic()
        link.request('GET', f'/{ANSWER_BYTES}')
        link.getresponse().read()
        took.append((time.monotonic() - started) * 1000)
    link.close()
    return sorted(took)


def main() -> None:
    """Ask, and print what was seen."""
    address, port = sys.argv[1], int(sys.argv[2])
    took = latencies(address, port)
    seen = {
        'bulk_megabits': bulk(address, port),
        'objects_megabits': objects(address, port),
        'median_milliseconds': took[len(took) // 2],
        'p99_milliseconds': took[len(took) * 99 // 100],
    }
    print(json.dumps(seen))


if __name__ == '__main__':
    main()

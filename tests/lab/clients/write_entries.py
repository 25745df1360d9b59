"""Writes so many entries in the journal's export format, one a millisecond; each takes about 1.6 kB of a journal."""

import os
import sys

for number in range(int(sys.argv[1])):
    moment = 1_790_000_000_000_000 + number * 1000
    sys.stdout.write(
        f'__REALTIME_TIMESTAMP={moment}\n__MONOTONIC_TIMESTAMP={number + 1}\n_BOOT_ID={"1" * 32}\n'
        f'MESSAGE={os.urandom(1500).hex()}\nNUMBER={number}\n\n'
    )

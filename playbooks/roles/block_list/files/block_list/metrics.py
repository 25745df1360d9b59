"""Metrics: counters of a run, and the text file that a node exporter reads."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

PREFIX = 'anlan_block_list_'
HELP = {
    'entries': ('gauge', 'Sources that are shut out now.'),
    'in_force': ('gauge', '1 if the kernel has what the list has, 0 if nftables refused it.'),
    'blocks_total': ('counter', 'Decisions to shut a source out, by the sensor that saw it.'),
    'refused_total': ('counter', 'Sources that were not shut out, by reason.'),
    'sightings_total': ('counter', 'What sensors of this host reported.'),
    'messages_rejected_total': ('counter', 'Datagrams of other hosts that were not believed, by reason.'),
    'peer_heard_age_seconds': ('gauge', 'Since another host was heard.'),
    'peer_clock_offset_seconds': ('gauge', "By how much another host's clock is ahead of ours."),
    'peer_waiting_entries': ('gauge', 'Decisions that another host has not acknowledged.'),
    'peer_given_up_total': ('counter', 'Decisions that are not told again, because too many wait for another host.'),
    'nft_failures_total': ('counter', 'Transactions that nftables refused.'),
    'mended_total': ('counter', 'Times that the kernel had lost entries or had others, and was put right.'),
    'dropped_packets_total': ('counter', 'Packets of sources that are shut out.'),
    'state_write_failures_total': ('counter', 'Writes of the state file that failed.'),
    'state_stale': ('gauge', '1 if the state file lacks decisions.'),
    'events_lost_total': ('counter', 'Events that the journal did not take.'),
    'written_timestamp_seconds': ('gauge', 'When this file was written.'),
}
Key = tuple[str, str]


class Counts:
    """Counters by name and the value of their one label (empty: none)."""

    def __init__(self) -> None:
        self._counts: Counter[Key] = Counter()

    def add(self, name: str, label: str = '', number: int = 1) -> None:
        """Given a counter, count on."""
        self._counts[name, label] += number

    def get(self, name: str, label: str = '') -> int:
        """Given a counter, return what it stands at."""
        return self._counts[name, label]

    def items(self) -> dict[Key, float]:
        """Return all counters."""
        return {key: float(value) for key, value in self._counts.items()}


LABELS = {
    'blocks_total': 'sensor', 'refused_total': 'reason', 'sightings_total': 'sensor',
    'messages_rejected_total': 'reason', 'peer_heard_age_seconds': 'peer', 'peer_clock_offset_seconds': 'peer',
    'peer_waiting_entries': 'peer', 'peer_given_up_total': 'peer', 'dropped_packets_total': 'family',
}  # fmt: skip


def exposition(values: Mapping[Key, float]) -> str:
    """Given values by name and label, return the text that Prometheus reads."""
    lines = []
    for name, (kind, words) in HELP.items():
        found = sorted((label, value) for (each, label), value in values.items() if each == name)
        if not found:
            continue
        lines += [f'# HELP {PREFIX}{name} {words}', f'# TYPE {PREFIX}{name} {kind}']
        for label, value in found:
            shown = f'{{{LABELS[name]}="{escaped(label)}"}}' if label else ''
            lines.append(f'{PREFIX}{name}{shown} {value:.15g}')
    return '\n'.join(lines) + '\n'


def escaped(text: str) -> str:
    """Given the value of a label, return it as it may stand between quotes."""
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', ' ')


def write(file: Path, text: str) -> bool:
    """Given the text, write the file in one step, readable for all, and return whether that worked."""
    fresh = file.with_suffix('.new')
    try:
        fresh.write_text(text, encoding='utf-8')
        os.chmod(fresh, 0o644)
        fresh.replace(file)
    except OSError:
        return False
    return True

"""A node: decisions, peers, kernel, disk and journal of one host, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from block_list import sensors
from block_list.decisions import LONGEST_SECONDS, Change, Clocks, Decisions, Refusal
from block_list.enforcement import Failed
from block_list.entries import Entry
from block_list.exchange import Exchange, Send
from block_list.journal import ERROR, NOTICE, WARNING, Journal
from block_list.metrics import Counts, Key
from block_list.settings import Settings
from block_list.storage import Storage
from block_list.wire import PORT, Wire

RETRY_SECONDS = 1.0
VERIFY_SECONDS = 15.0
STORE_AGAIN_SECONDS = 5.0
NEARLY_OVER_SECONDS = 3.0


class Kernel(Protocol):
    """What puts decisions in force; `Failed` is raised by each."""

    def rebuild(self, entries: Sequence[Entry], now: float) -> None: ...
    def apply(self, entries: Sequence[Entry], now: float) -> None: ...
    def present(self) -> dict[str, float]: ...
    def dropped(self) -> dict[str, int]: ...


class Node:
    """One host's part in the block list. `clock` says what time it is, `send` does not wait."""

    def __init__(
        self,
        settings: Settings,
        key: bytes,
        *,
        clock: Callable[[], Clocks],
        send: Send,
        kernel: Kernel | None,
        storage: Storage,
        journal: Journal,
    ) -> None:
        self.settings = settings
        self.counts = Counts()
        self._clock = clock
        self._kernel = kernel
        self._storage = storage
        self._journal = journal
        self.decisions = Decisions(settings, self.counts)
        now = clock().boot
        self.exchange = Exchange(settings, Wire(key, settings.name), self.decisions, self.counts, send=send, now=now)
        self.fault: str | None = 'not yet put in force' if kernel is not None else None
        self._dropped: dict[str, int] = {}
        self._retry_at = self._verify_at = self._store_at = now

    def start(self) -> None:
        """Take up what was kept on disk and what the kernel still shuts out, and put it in force."""
        clocks = self._clock()
        for entry in self._storage.load(clocks.boot, LONGEST_SECONDS):
            self.decisions.told(entry, clocks)
        self.decisions.changes.clear()
        if self._kernel is not None:
            try:
                present = self._kernel.present()
            except Failed:
                present = {}
            for prefix, left in present.items():
                if self.decisions.table.get(prefix) is None:
                    # Any decision that a peer still knows about it overrides this one.
                    self.decisions.told(
                        Entry(prefix, 0.0, f'kernel:{prefix}', False, clocks.boot + left, clocks.wall, 'kernel',
                              'found in force at the start', self.settings.name), clocks,
                    )  # fmt: skip
            self.decisions.changes.clear()
            self._rebuild(clocks)
        self._store_anew(clocks)
        self._journal.write(f'started with {len(self.decisions.table)} entries', NOTICE, ANLAN_EVENT='block-list-start')

    def sensed(self, socket: str, data: bytes) -> None:
        """Given the name of a sensor's socket and a datagram of it, count what it says."""
        try:
            if socket == 'report':
                sighting: sensors.Sighting | None = sensors.from_report(data)
            elif socket == 'eve':
                sighting = sensors.from_eve(data, self.settings.proxies)
            elif socket == 'nginx':
                sighting = sensors.from_nginx(data)
            else:
                sighting = sensors.from_haproxy(data, self.settings.edges)
        except sensors.Unreadable:
            self.counts.add('refused_total', 'unreadable')
            return
        if sighting is not None:
            self.decisions.sighted(sighting, self._clock())

    def received(self, data: bytes, address: str, port: int = PORT) -> None:
        """Given a datagram of the network and where it came from, take in what is believed of it."""
        self.exchange.receive(data, address, port, self._clock())

    def flush(self) -> None:
        """Tell what has been decided: the peers first, then the kernel, the disk and the journal."""
        changes, refusals = self.decisions.taken()
        if not changes and not refusals:
            return
        clocks = self._clock()
        entries = [change.entry for change in changes]
        own = [entry for entry in entries if entry.origin == self.settings.name and entry.sensor != 'kernel']
        if own:
            self.exchange.tell(own, clocks)
        self._enforce([change.held for change in changes if change.merged != 'kept'], clocks)
        if not self._storage.append(entries, clocks.boot):
            self._say_storage()
        for change in changes:
            self._say(change, clocks)
        for refusal in refusals:
            self._say_refusal(refusal)

    def spared(self, prefix: str, reason: str, seconds: float) -> None:
        """Say that a source is spared: nobody may wonder later why it was not shut out."""
        self._journal.write(
            f'{prefix} is spared for {seconds:.0f} s: {reason}', WARNING,
            ANLAN_EVENT='spare', ANLAN_SOURCE=prefix, ANLAN_TYPE='operator', ANLAN_ACTION='spare',
        )  # fmt: skip

    def tick(self) -> None:
        """Do what time asks for."""
        clocks = self._clock()
        self.exchange.tick(clocks)
        for entry in self.decisions.table.expire(clocks.boot):
            self._event('expire', 'expired', entry, f'{entry.prefix} is let in again: its time is over')
        if self._kernel is not None and self.fault is not None and clocks.boot >= self._retry_at:
            self._rebuild(clocks)
        if self._kernel is not None and clocks.boot >= self._verify_at:
            self._verify(clocks)
        if clocks.boot >= self._store_at and self._storage.wants_rewriting(len(self.decisions.table.all())):
            self._store_anew(clocks)

    def present(self) -> dict[str, float] | None:
        """Return the seconds left of what the kernel shuts out, None if it cannot be asked or this host has none."""
        if self._kernel is None:
            return None
        try:
            return self._kernel.present()
        except Failed as failed:
            self._failed(failed, self._clock())
            return None

    def values(self) -> dict[Key, float]:
        """Return all metrics by name and label."""
        clocks = self._clock()
        values = self.counts.items()
        values['entries', ''] = len(self.decisions.table)
        values['state_write_failures_total', ''] = self._storage.failures
        values['state_stale', ''] = self._storage.failing
        values['events_lost_total', ''] = self._journal.lost
        values['written_timestamp_seconds', ''] = clocks.wall
        for name in ('nft_failures_total', 'mended_total') if self._kernel is not None else ():
            values.setdefault((name, ''), 0)
        for peer in self.exchange.peers.values():
            values['peer_heard_age_seconds', peer.name] = clocks.boot - peer.heard
            values['peer_clock_offset_seconds', peer.name] = peer.clock_offset_seconds
            values['peer_waiting_entries', peer.name] = len(peer.waiting)
            values['peer_given_up_total', peer.name] = peer.given_up
        if self._kernel is not None:
            values['in_force', ''] = self.fault is None
            try:
                self._dropped = self._kernel.dropped()
            except Failed as failed:
                self._failed(failed, clocks)
            values |= {('dropped_packets_total', f'ip{family}'): count for family, count in self._dropped.items()}
        return values

    def _enforce(self, entries: Sequence[Entry], clocks: Clocks) -> None:
        if self._kernel is None or self.fault is not None or not entries:
            return
        try:
            self._kernel.apply(entries, clocks.boot)
        except Failed as failed:
            self._failed(failed, clocks)
            # Most often somebody took the table away; made anew it holds all that is decided.
            self._rebuild(clocks)

    def _rebuild(self, clocks: Clocks) -> None:
        assert self._kernel is not None
        try:
            self._kernel.rebuild(list(self.decisions.table.active()), clocks.boot)
        except Failed as failed:
            self._failed(failed, clocks)
            return
        if self.fault is not None and self.counts.get('nft_failures_total'):
            self._journal.write('the block list is in force again', NOTICE, ANLAN_EVENT='block-list-in-force')
        self.fault = None
        self._verify_at = clocks.boot + VERIFY_SECONDS

    def _verify(self, clocks: Clocks) -> None:
        assert self._kernel is not None
        self._verify_at = clocks.boot + VERIFY_SECONDS
        try:
            present = self._kernel.present()
            reason = difference(list(self.decisions.table.active()), present, clocks.boot)
        except Failed as failed:
            reason = str(failed)
        if reason is None:
            return
        self.counts.add('mended_total')
        self._journal.write(
            f'the kernel had something else than the block list, which is put in force anew: {reason}', WARNING,
            ANLAN_EVENT='block-list-mended', ANLAN_REASON=reason,
        )  # fmt: skip
        self._rebuild(clocks)

    def _failed(self, failed: Failed, clocks: Clocks) -> None:
        self.counts.add('nft_failures_total')
        if self.fault is None or self.fault != str(failed):
            self._journal.write(
                f'the block list is not in force: {failed}', ERROR, ANLAN_EVENT='block-list-not-in-force',
                ANLAN_REASON=str(failed),
            )  # fmt: skip
        self.fault = str(failed)
        self._retry_at = clocks.boot + RETRY_SECONDS

    def _store_anew(self, clocks: Clocks) -> None:
        was_failing = self._storage.failing
        self._store_at = clocks.boot + STORE_AGAIN_SECONDS
        if not self._storage.rewrite(self.decisions.table.all(), clocks.boot):
            if not was_failing:
                self._say_storage()
        elif was_failing:
            self._journal.write('decisions are kept on disk again', NOTICE, ANLAN_EVENT='block-list-stored')

    def _say_storage(self) -> None:
        if self._storage.failures == 1 or self._store_at <= self._clock().boot:
            self._store_at = self._clock().boot + STORE_AGAIN_SECONDS
            self._journal.write(
                'decisions cannot be kept on disk: they hold, but a restart of every host at once would lose them',
                ERROR, ANLAN_EVENT='block-list-not-stored',
            )  # fmt: skip

    def _say(self, change: Change, clocks: Clocks) -> None:
        entry = change.held
        if change.merged == 'kept':
            return
        if entry.removed:
            self._event('unblock', 'removed', entry, f'{entry.prefix} is let in again: {entry.reason}')
            return
        left = round(entry.ends - clocks.boot)
        verb = 'is shut out' if self.settings.enforces else 'is reported to be shut out'
        action = 'blocked' if self.settings.enforces else 'reported'
        self._event(
            'block', action if change.merged == 'new' else 'renewed', entry,
            f'{entry.prefix} {verb} for {left} s by {entry.sensor} on {entry.origin}: {entry.reason}',
            ANLAN_SECONDS=str(left),
        )  # fmt: skip

    def _event(self, event: str, action: str, entry: Entry, message: str, **fields: str) -> None:
        self._journal.write(
            message, NOTICE, ANLAN_EVENT=event, ANLAN_SOURCE=entry.prefix, ANLAN_TARGET=self.settings.name,
            ANLAN_TYPE=entry.sensor, ANLAN_ACTION=action, ANLAN_REASON=entry.reason, ANLAN_ORIGIN=entry.origin,
            **fields,
        )  # fmt: skip

    def _say_refusal(self, refusal: Refusal) -> None:
        self._journal.write(
            f'{refusal.source or "a source"} is not shut out: {refusal.text}', WARNING, ANLAN_EVENT='block-refused',
            ANLAN_SOURCE=refusal.source, ANLAN_TARGET=self.settings.name, ANLAN_TYPE=refusal.sensor,
            ANLAN_ACTION='refused', ANLAN_REASON=refusal.word, ANLAN_ORIGIN=refusal.origin,
        )  # fmt: skip


def difference(entries: Sequence[Entry], present: dict[str, float], now: float) -> str | None:
    """Given what is decided and what the kernel has, return how they differ, or None; what is nearly over does not
    count.
    """
    wanted = {entry.prefix: entry.ends - now for entry in entries}
    missing = sorted(
        prefix for prefix, left in wanted.items() if left > NEARLY_OVER_SECONDS and prefix not in present
    )  # fmt: skip
    spare = sorted(prefix for prefix, left in present.items() if left > NEARLY_OVER_SECONDS and prefix not in wanted)
    parts = [f'{len(missing)} missing, {missing[0]} for one'] if missing else []
    parts += [f'{len(spare)} that nobody decided, {spare[0]} for one'] if spare else []
    return '; '.join(parts) or None

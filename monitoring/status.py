"""Status: what was collected from hosts and clients, judged. Pure: the same observations give the same status."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from monitoring.expectation import METRICS, SENDER, services_of

State = Literal['ok', 'degraded', 'down']
EXIT_CODE: dict[State, int] = {'ok': 0, 'degraded': 1, 'down': 2}

CERTIFICATE_WARNING_DAYS = 14.0
BACKUP_TASKS = 'anlan-backup-'
CLOCK_WARNING_SECONDS = 1.0
METRICS_WARNING_SECONDS = 60.0
LAG_WARNING_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Observations:
    """What was seen, unjudged. A host's answer is None if it was not reached, with the reason in `unreachable`."""

    platform: str
    front_door: str
    checked_at: str
    hosts: Mapping[str, Mapping[str, Any] | None]
    unreachable: Mapping[str, str]
    tiers: Mapping[str, str]
    zones: Mapping[str, str]
    virtual_addresses: Mapping[str, Mapping[str, str]]
    journeys: Mapping[str, Mapping[str, Any] | None]
    journey_errors: Mapping[str, str]
    journey_mean_limit_seconds: float
    data_hosts: int


@dataclass
class HostStatus:
    """A host and what is wrong with it."""

    name: str
    tier: str
    zone: str
    state: State = 'ok'
    reasons: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    certificate_days: float | None = None
    clock_offset_seconds: float | None = None
    release: str | None = None


@dataclass
class Status:
    """The whole platform at one moment."""

    platform: str
    state: State
    front_door: str
    checked_at: str
    hosts: list[HostStatus]
    journey: list[dict[str, Any]]
    virtual_addresses: list[dict[str, Any]]
    database: dict[str, Any]
    cache: dict[str, Any]
    lost_redundancy: list[str]
    reasons: list[str]

    def document(self) -> dict[str, Any]:
        """Return the status as plain JSON data."""
        return asdict(self)


def judge(seen: Observations, outdated: Collection[str] = ()) -> Status:
    """Given observations, return the status: down if no client can learn, degraded if anything is missing.

    A host among the `outdated`, which are still to be made anew, may be without a service that it never had.
    """
    hosts = {name: _host(name, seen, name in outdated) for name in seen.hosts}
    lost: list[str] = []
    database = _database(seen, hosts, lost)
    cache = _cache(seen, hosts, lost)
    virtual = _virtual_addresses(seen, hosts, lost)
    _tiers(seen, hosts, lost)
    journeys, can_learn, journey_reasons = _journeys(seen)
    reasons = journey_reasons + [f'{host.name}: {reason}' for host in hosts.values() for reason in host.reasons]
    state: State = 'down' if not can_learn else 'degraded' if reasons or lost else 'ok'
    return Status(
        platform=seen.platform,
        state=state,
        front_door=seen.front_door,
        checked_at=seen.checked_at,
        hosts=list(hosts.values()),
        journey=journeys,
        virtual_addresses=virtual,
        database=database,
        cache=cache,
        lost_redundancy=lost,
        reasons=reasons,
    )


def _host(name: str, seen: Observations, outdated: bool) -> HostStatus:
    host = HostStatus(name, seen.tiers[name], seen.zones[name])
    answer = seen.hosts[name]
    if answer is None:
        host.state = 'down'
        host.reasons.append(seen.unreachable.get(name, 'gave no answer'))
        return host
    for part, reason in answer['errors'].items():
        host.reasons.append(f'{part} could not be read: {reason}')
    states = answer['services'] or {}
    for service in services_of(host.tier, seen.tiers):
        if 'services' not in answer['errors'] and service not in states:
            host.reasons.append(f'{service} was not answered for')
    for service, service_state in states.items():
        waits = service.startswith(SENDER) and service_state == 'activating'
        if service_state != 'active' and not (outdated and service_state == 'absent') and not waits:
            host.reasons.append(f'{service} is {service_state}')
    written = answer.get('metrics_seconds') or {}
    for kind in METRICS.get(host.tier, ()):
        age = written.get(kind)
        if 'metrics_seconds' in answer['errors'] or (age is None and outdated):
            continue
        if age is None:
            host.reasons.append(f'/run/anlan/metrics/{kind}.prom is not there')
        elif age > METRICS_WARNING_SECONDS:
            host.reasons.append(f'/run/anlan/metrics/{kind}.prom was last written {age:.0f} s ago')
    for unit in answer['failed_units'] or []:
        # That a task of the backups failed hurts no learner: `anlan backup status` says it, with the reason.
        if unit not in (answer['services'] or {}) and not unit.startswith(BACKUP_TASKS):
            host.reasons.append(f'{unit} has failed')
    host.certificate_days = answer['certificate_days']
    if host.certificate_days is not None and host.certificate_days < CERTIFICATE_WARNING_DAYS:
        host.reasons.append(f'its certificate ends in {host.certificate_days:g} days; run `anlan up`')
    for port in answer.get('stale_ports') or []:
        host.reasons.append(f'port {port} serves another certificate than the one on disk; reload its service')
    clock = answer['clock']
    if clock is not None:
        host.clock_offset_seconds = clock['offset_seconds']
        if abs(clock['offset_seconds']) > CLOCK_WARNING_SECONDS:
            host.reasons.append(f'its clock is off by {clock["offset_seconds"]:.1f} s')
        if clock['stratum'] == 0:
            host.reasons.append('its clock follows no source')
    application = answer.get('application')
    if application is not None:
        host.release = application['release']
        ready = application['ready']
        for check, result in ready['checks'].items():
            if not result['ok']:
                host.reasons.append(f'the application is without {check}: {result["reason"]}')
    host.state = 'degraded' if host.reasons else 'ok'
    return host


def _database(seen: Observations, hosts: dict[str, HostStatus], lost: list[str]) -> dict[str, Any]:
    answers = {name: answer['database'] for name, answer in seen.hosts.items() if answer and answer.get('database')}
    if not answers:
        lost.append('the database: no data host answers')
        return {'leader': None, 'replicas': []}
    # Every member reports the whole cluster; the leader's own view is the freshest.
    views = sorted(answers.items(), key=lambda item: item[1]['patroni'].get('role') not in ('primary', 'master'))
    cluster = views[0][1]['cluster']
    leader, replicas = None, []
    for member in cluster.get('members', []):
        name = member['name']
        if member['role'] in ('leader', 'master', 'primary'):
            leader = name
            _add_role(hosts, name, 'leader')
            continue
        lag = member.get('lag')
        lag_bytes = lag if isinstance(lag, int) else None
        good = member.get('state') == 'streaming' and name in answers
        replicas.append(
            {'name': name, 'role': member['role'], 'state': member.get('state'), 'lag_bytes': lag_bytes, 'good': good}
        )
        _add_role(hosts, name, 'sync replica' if member['role'] in ('quorum_standby', 'sync_standby') else 'replica')
        if good and lag_bytes is None:
            _blame(hosts, name, f'the lag of its replica is not known ({lag})')
        if good and lag_bytes is not None and lag_bytes > LAG_WARNING_BYTES:
            _blame(hosts, name, f'its replica lags {lag_bytes / 1024 / 1024:.1f} MiB')
    if leader is None or leader not in answers:
        lost.append('the database: there is no leader that answers')
    good_replicas = [replica['name'] for replica in replicas if replica['good']]
    if len(good_replicas) < seen.data_hosts - 1:
        missing = [name for name, tier in seen.tiers.items() if tier == 'data' and name != leader]
        lost.append(
            f'the database: {len(good_replicas)} of {seen.data_hosts - 1} replicas stream; '
            + ', '.join(_not_streaming(name, answers, replicas) for name in missing if name not in good_replicas)
        )
    quorum = [name for name, answer in seen.hosts.items() if answer and (answer.get('etcd') or {}).get('has_leader')]
    if len(quorum) < seen.data_hosts:
        lost.append(f'etcd: {len(quorum)} of {seen.data_hosts} members')
    return {'leader': leader, 'replicas': replicas, 'etcd_members': quorum}


def _not_streaming(name: str, answers: Mapping[str, Any], replicas: Sequence[Mapping[str, Any]]) -> str:
    state = next((replica['state'] for replica in replicas if replica['name'] == name), None)
    if name not in answers:
        return f'{name} does not answer'
    return f'{name} is no member of it' if state is None else f'{name} is {state}'


def _cache(seen: Observations, hosts: dict[str, HostStatus], lost: list[str]) -> dict[str, Any]:
    answers = {name: answer['cache'] for name, answer in seen.hosts.items() if answer and answer.get('cache')}
    masters = [name for name, answer in answers.items() if answer['role'] == 'master']
    replicas = [name for name, answer in answers.items() if answer['role'] == 'replica']
    for name, answer in answers.items():
        if answer['reason']:
            _blame(hosts, name, f'the cache: {answer["reason"]}')
    for name in masters:
        _add_role(hosts, name, 'cache master')
    if len(masters) != 1:
        lost.append(f'the cache: {len(masters)} masters ({", ".join(masters) or "none"})')
    if len(replicas) < seen.data_hosts - 1:
        lost.append(f'the cache: {len(replicas)} of {seen.data_hosts - 1} replicas follow')
    return {'master': masters[0] if len(masters) == 1 else None, 'masters': masters, 'replicas': replicas}


def _virtual_addresses(seen: Observations, hosts: dict[str, HostStatus], lost: list[str]) -> list[dict[str, Any]]:
    rows = []
    for name, virtual in seen.virtual_addresses.items():
        holders = [
            host for host, answer in seen.hosts.items() if answer and virtual['address'] in (answer['addresses'] or [])
        ]
        rows.append({'name': name, **virtual, 'holders': holders})
        if len(holders) != 1:
            lost.append(
                f'the virtual address {name} ({virtual["address"]}) is held by {", ".join(holders) or "nobody"}'
            )
    for name in {row['holders'][0] for row in rows if len(row['holders']) == 1}:
        _add_role(hosts, name, 'active')
    return rows


def _tiers(seen: Observations, hosts: dict[str, HostStatus], lost: list[str]) -> None:
    for tier in dict.fromkeys(seen.tiers.values()):
        members = [host for host in hosts.values() if host.tier == tier]
        good = [host for host in members if host.state == 'ok']
        if tier == 'client' or len(good) == len(members):
            continue
        if len(members) > 1:
            spare = len(good) - 1
            lost.append(
                f'{tier}: {len(good)} of {len(members)} hosts are whole' + ('; no spare is left' if spare < 1 else '')
            )
        else:
            lost.append(f'{tier}: its only host is not whole')


def _journeys(seen: Observations) -> tuple[list[dict[str, Any]], bool, list[str]]:
    rows, reasons, can_learn = [], [], False
    for client, journey in seen.journeys.items():
        if journey is None:
            reason = seen.journey_errors.get(client, 'gave no answer')
            rows.append(
                {'client': client, 'ok': False, 'mean_seconds': None, 'served_by': None, 'steps': [], 'reason': reason}
            )
            reasons.append(f'{client}: the journey could not be tried: {reason}')
            continue
        steps = journey['steps']
        failed = [step for step in steps if not step['ok']]
        mean = sum(step['seconds'] for step in steps) / len(steps) if steps else None
        ok = bool(steps) and not failed
        stopped = f'{failed[0]["name"]}: {failed[0]["reason"]}' if failed else None
        if not steps:
            stopped = 'the first step, which was not taken'
        rows.append(
            {
                'client': client, 'ok': ok, 'mean_seconds': round(mean, 4) if mean is not None else None,
                'served_by': journey.get('served_by'), 'steps': steps, 'reason': stopped,
            }
        )  # fmt: skip
        can_learn = can_learn or ok
        if stopped is not None:
            reasons.append(f'{client}: a learner is stopped at {stopped}')
        elif mean is not None and mean > seen.journey_mean_limit_seconds:
            reasons.append(f'{client}: an action takes {mean:.1f} s, above {seen.journey_mean_limit_seconds:g} s')
    return rows, can_learn, reasons


def _add_role(hosts: dict[str, HostStatus], name: str, role: str) -> None:
    if name in hosts:
        hosts[name].roles.append(role)


def _blame(hosts: dict[str, HostStatus], name: str, reason: str) -> None:
    if name in hosts:
        hosts[name].reasons.append(reason)
        hosts[name].state = 'degraded'


def clients_of(tiers: Mapping[str, str]) -> Sequence[str]:
    """Given each host's tier, return the clients."""
    return [name for name, tier in tiers.items() if tier == 'client']

"""Time: whose clock a host follows, and how far it is from it."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_applicable, not_verified, tiers, violation
from compliance.violation import answered

CLOCK = 'chronyc -c tracking; echo --; chronyc -c -n sources; echo --; readlink -f /etc/localtime'
ORPHAN_STRATUM = 10
LARGEST_OFFSET_SECONDS = 0.1
LARGEST_DISPERSION_SECONDS = 0.5
LONGEST_SILENCE_SECONDS = 3 * 1024
ZONES = ('UTC', 'Asia/Shanghai', 'PRC', 'UCT', '/etc/localtime')
GOOD = 'C612280B,198.18.40.11,11,1795644103.6,0.000004,-0.000005,0.00004,0.124,0.008,0.995,0.00018,0.00003,8.1,Normal'


def said(**changed):
    """Given what is to be otherwise, return the violation of an answer in which it is so."""
    tracking = GOOD.split(',')
    for place, value in changed.get('tracking', {}).items():
        tracking[place] = value
    sources = changed.get('sources', '^,*,198.18.40.11,10,3,377,3,-0.00002,-0.00002,0.00009')
    zone = changed.get('zone', '/usr/share/zoneinfo/Etc/UTC')
    return answered('chronyc', f'{",".join(tracking)}\n--\n{sources}\n--\n{zone}\n')


def clock(host):
    """Return what chronyd says of itself, of its sources, and the rest."""
    parts = host.run(CLOCK).stdout.split('--\n')
    tracking = parts[0].strip().split(',')
    if len(parts) != 3 or len(tracking) != 14:
        not_verified('chronyd does not answer')
    return tracking, [line.split(',') for line in parts[1].split() if line], parts[2].strip()


@clauses('22239-8.1.3.5-b')
@violation(said(tracking={13: 'Not synchronised'}))
def test_the_clock_follows_another(host):
    state = clock(host)[0][13]
    assert state == 'Normal', f'the clock follows nobody: {state}'


@clauses('22239-8.1.3.5-b')
@violation(said(tracking={4: '2.5'}))
def test_the_clock_is_near_the_one_that_it_follows(host):
    offset = abs(float(clock(host)[0][4]))
    assert offset <= LARGEST_OFFSET_SECONDS, f'{offset:.3f} s off, {LARGEST_OFFSET_SECONDS} s at most'


@clauses('22239-8.1.3.5-b')
@violation(said(tracking={11: '1.5'}))
def test_how_wrong_the_clock_can_be_is_small(host):
    dispersion = float(clock(host)[0][10]) / 2 + float(clock(host)[0][11])
    assert dispersion <= LARGEST_DISPERSION_SECONDS, (
        f'it may be {dispersion:.3f} s off, {LARGEST_DISPERSION_SECONDS} s at most'
    )


@tiers('firewall', 'edge', 'balancer', 'app', 'data', 'operations', 'offsite')
@clauses('22239-8.1.3.5-b', '22239-8.1.3.1-c')
@violation(said(sources='^,*,192.0.2.123,2,6,377,3,0.0,0.0,0.0'))
def test_the_sources_are_the_monitoring_hosts_and_no_other(host, expected):
    sources = {each[2] for each in clock(host)[1]}
    assert sources, 'the clock has no source'
    wrong = sources - set(expected.addresses('monitoring'))
    assert not wrong, f'another clock is followed: {", ".join(sorted(wrong))}'


@tiers('monitoring')
@clauses('22239-8.1.3.5-b')
@violation(said(sources='^,*,192.0.2.123,2,6,377,3,0.0,0.0,0.0'))
def test_monitoring_hosts_follow_each_other_and_the_declared_clocks(host, expected):
    declared = set(expected.addresses('monitoring')) | set(expected.platform['configuration']['time_sources'])
    sources = {each[2] for each in clock(host)[1]}
    if not sources:
        not_applicable('the host has no clock to follow: it is the only one, and no clock outside is declared')
    wrong = sources - declared
    assert not wrong, f'another clock is followed: {", ".join(sorted(wrong))}'


@tiers('firewall', 'edge', 'balancer', 'app', 'data', 'operations', 'offsite')
@clauses('22239-8.1.3.5-b', '22239-8.1.2.1-e')
@violation(said(sources='^,*,198.18.40.11,10,3,377,3,0.0,0.0,0.0\n^,?,198.18.40.12,0,3,0,4294967295,0.0,0.0,0.0'))
def test_each_source_answers(host, expected):
    sources = clock(host)[1]
    wanted = len(expected.hosts('monitoring'))
    heard = [each[2] for each in sources if int(each[5], 8) and int(each[6]) <= LONGEST_SILENCE_SECONDS]
    assert len(heard) >= wanted, f'{len(heard)} of {wanted} clocks answer: {", ".join(heard) or "none"}'


@pytest.mark.parametrize('state', [
    pytest.param('x', id='falseticker', marks=violation(said(sources='^,x,198.18.40.11,10,3,377,3,0.0,0.0,0.0'))),
    pytest.param('~', id='variable', marks=violation(said(sources='^,~,198.18.40.11,10,3,377,3,0.0,0.0,0.0'))),
])  # fmt: skip
@clauses('22239-8.1.3.5-b')
def test_no_source_is_known_to_be_wrong(host, state):
    sources = clock(host)[1]
    if not sources:
        not_applicable('the host has no clock to follow')
    wrong = [each[2] for each in sources if each[1] == state]
    assert not wrong, f'the others contradict {", ".join(wrong)}' if state == 'x' else f'unsteady: {", ".join(wrong)}'


@clauses('22239-8.1.3.5-b')
@violation(said(zone='/usr/share/zoneinfo/America/New_York'))
def test_what_a_host_writes_down_has_the_platforms_zone_of_time(host):
    # Without a file the zone is UTC.
    zone = clock(host)[2].rpartition('zoneinfo/')[2].removeprefix('Etc/')
    assert zone in ZONES, f'the zone is {zone}, not {" or ".join(ZONES[:2])}'


@clauses('22239-8.1.3.5-b')
@violation(said(tracking={2: '0'}))
def test_the_clock_is_not_too_many_steps_from_the_first(host):
    stratum = int(clock(host)[0][2])
    assert 1 <= stratum <= ORPHAN_STRATUM + 3, f'stratum {stratum}'

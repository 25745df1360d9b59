"""Checks of network parameters: how the kernel joins the value of all with that of an interface."""

import pytest

from compliance.checks import test_network_parameters as parameters
from tests.unit.compliance.checks.asked import Asked, cannot_judge, fails


def host(name, whole, own, forwarding=0, family='ipv4'):
    lines = [
        f'{family}/conf/{each}/{name}:{value}'
        for each, value in (('all', whole), ('default', 9), ('lo', 9), ('eth0', own))
    ]
    lines += [f'{family}/conf/{each}/forwarding:{forwarding}' for each in ('all', 'default', 'lo', 'eth0')]
    lines += [f'{family}/conf/{each}/disable_ipv6:0' for each in ('all', 'eth0')]
    return Asked({'/proc/sys/net': '\n'.join(lines)})


def judge(name, whole, own, forwarding=0):
    wrong, what = next((wrong, what) for each, wrong, what in parameters.IPV4 if each == name)
    parameters.test_ipv4_in_effect_on_each_interface(host(name, whole, own, forwarding), name, wrong, what)


@pytest.mark.parametrize(('name', 'whole', 'own', 'forwarding'), [
    ('accept_redirects', 0, 0, 0), ('accept_redirects', 0, 1, 1), ('accept_source_route', 0, 1, 0),
    ('rp_filter', 2, 0, 0), ('rp_filter', 0, 1, 0), ('send_redirects', 0, 0, 1),
])  # fmt: skip
def test_what_has_no_effect_passes(name, whole, own, forwarding):
    judge(name, whole, own, forwarding)


@pytest.mark.parametrize(('name', 'whole', 'own', 'forwarding'), [
    ('accept_redirects', 0, 1, 0), ('accept_redirects', 1, 1, 1), ('accept_source_route', 1, 1, 0),
    ('rp_filter', 0, 0, 0), ('send_redirects', 0, 1, 0), ('send_redirects', 1, 0, 0),
])  # fmt: skip
def test_what_has_an_effect_fails(name, whole, own, forwarding):
    fails(judge, name, whole, own, forwarding, saying=name)


def test_advertisements_of_routes_are_believed_by_who_does_not_route_or_was_told_to():
    parameters.judge_ipv6(host('accept_ra', 0, 1, forwarding=1, family='ipv6'), 'accept_ra')
    fails(parameters.judge_ipv6, host('accept_ra', 0, 1, family='ipv6'), 'accept_ra', saying='accept_ra')
    fails(parameters.judge_ipv6, host('accept_ra', 0, 2, forwarding=1, family='ipv6'), 'accept_ra', saying='accept_ra')


def test_a_host_that_tells_nothing_is_not_passed():
    cannot_judge(parameters.test_firewalls_alone_hand_packets_on, Asked({}), 'ipv4')

"""Drawings: well-formed, with every host in them, and nothing outside its zone."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from infra.drawing import mermaid, svg
from infra.topology import Topology
from tests.unit.samples import lab, onprem, topology_from, with_values

SVG = '{http://www.w3.org/2000/svg}'
LARGEST = {f'tiers.{tier}.count': 9 for tier in ('edge', 'app', 'data', 'monitoring', 'client')}
DOCUMENTS = {'full': lab(), 'mini': lab('mini'), 'onprem': onprem(), 'largest': with_values(lab(), LARGEST)}


@pytest.fixture(params=DOCUMENTS.values(), ids=DOCUMENTS)
def topology(request: pytest.FixtureRequest) -> Topology:
    return topology_from(request.param)


def texts(picture: str) -> list[str]:
    return [element.text or '' for element in ElementTree.fromstring(picture).iter(f'{SVG}text')]


def boxes(picture: str) -> tuple[list[Any], list[Any]]:
    """Given a picture, return the rectangles of its zones and those of its hosts: left, top, right, bottom."""
    zones, hosts = [], []
    for element in ElementTree.fromstring(picture).iter(f'{SVG}rect'):
        if element.get('stroke') is None:
            continue
        left, top, width, height = (float(element.get(name, '0')) for name in ('x', 'y', 'width', 'height'))
        (zones if element.get('rx') == '8' else hosts).append((left, top, left + width, top + height))
    return zones, hosts


def inside(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def test_the_picture_is_well_formed_and_has_every_host_with_its_address(topology: Topology) -> None:
    shown = texts(svg(topology))
    for host in topology.hosts:
        assert shown.count(host.name) == 1, host.name
        assert str(host.address) in shown


def test_the_picture_has_every_zone_with_its_subnet(topology: Topology) -> None:
    shown = ' '.join(texts(svg(topology)))
    for network in topology.networks:
        if network.zone != 'sync':
            assert f'{network.zone} · {network.subnet}' in shown


def test_every_host_is_drawn_inside_a_zone(topology: Topology) -> None:
    zones, hosts = boxes(svg(topology))
    assert len(hosts) == len(topology.hosts)
    outside = [host for host in hosts if not any(inside(host, zone) for zone in zones)]
    assert outside == []


def test_the_picture_escapes_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    topology = topology_from(lab())
    object.__setattr__(topology, 'front_door', '<script>&"')
    assert any('<script>&"' in text for text in texts(svg(topology)))


def test_the_flowchart_has_every_host_in_the_subgraph_of_its_zone(topology: Topology) -> None:
    drawn: dict[str, set[str]] = {}
    zone = ''
    for line in mermaid(topology).splitlines():
        if found := re.fullmatch(r'  subgraph (\w+)\["(\S+) (\S+)"\]', line):
            zone = found.group(2)
            assert str(topology.network(zone).subnet) == found.group(3)
        elif found := re.fullmatch(r'    (\w+)\["(\S+)"\]', line):
            drawn.setdefault(zone, set()).add(found.group(2))
    expected: dict[str, set[str]] = {}
    for host in topology.hosts:
        if host.tier != 'firewall':
            expected.setdefault(host.zone, set()).add(host.name)
    assert drawn == expected


def test_the_flowchart_names_the_firewalls_and_every_arrow_goes_through_them(topology: Topology) -> None:
    text = mermaid(topology)
    assert '{{"' + ' and '.join(host.name for host in topology.tier('firewall')) + '"}}' in text
    arrows = [line.strip() for line in text.splitlines() if '-->' in line]
    assert 'uplink_a --> firewalls' in arrows
    assert 'firewalls --> data' in arrows
    assert all('firewalls' in arrow.split(' --> ') for arrow in arrows)


def test_every_arrow_of_the_flowchart_ends_at_something_that_is_drawn(topology: Topology) -> None:
    text = mermaid(topology)
    known = {'firewalls', *re.findall(r'subgraph (\w+)\[', text)}
    ends = {end for line in text.splitlines() if '-->' in line for end in line.strip().split(' --> ')}
    assert ends <= known

"""Drawings of a topology: Mermaid for documents, SVG for looking at."""

from __future__ import annotations

from html import escape
from math import ceil

from infra.topology import Host, Topology

ROWS: tuple[tuple[str, ...], ...] = (
    ('uplink-a', 'uplink-b'),
    ('firewall',),
    ('dmz', 'app', 'data'),
    ('mgmt', 'offsite'),
)
"""Zones from the outside inwards; `firewall` stands for the pair between all of them."""

COLOURS = {
    'uplink-a': '#fde9d0', 'uplink-b': '#fde9d0', 'firewall': '#f6d3d3', 'dmz': '#e2ecf9', 'app': '#dff1e3',
    'data': '#e9e2f7', 'mgmt': '#eeeeee', 'offsite': '#f7f3d6',
}  # fmt: skip

WIDTH, MARGIN, GAP = 960, 24, 20
PAIR_HEIGHT, ZONE_HEAD_HEIGHT = 66, 50
BOX_HEIGHT, BOX_GAP = 38, 8


def mermaid(topology: Topology) -> str:
    """Given a topology, return a Mermaid flowchart: zones with their hosts, flows as arrows through the firewalls."""
    lines = ['flowchart TB']
    for network in topology.networks:
        hosts = _in_zone(topology, network.zone)
        if not hosts:
            continue
        lines.append(f'  subgraph {_identifier(network.zone)}["{network.zone} {network.subnet}"]')
        lines += [f'    {_identifier(host.name)}["{host.name}"]' for host in hosts]
        lines.append('  end')
    pair = ' and '.join(host.name for host in topology.tier('firewall'))
    lines.append(f'  firewalls{{{{"{pair}"}}}}')
    sides: dict[str, None] = {}
    for flow in topology.flows:
        source = flow.source if flow.source != 'all' else ''
        target = 'balancer' if flow.destination.startswith('vip:') else flow.destination
        for tier, arrow in ((source, '{0} --> firewalls'), (target, 'firewalls --> {0}')):
            hosts = topology.tier(tier) if tier not in ('', 'all') else ()  # type: ignore[arg-type]
            for zone in dict.fromkeys(host.zone for host in hosts):
                sides[arrow.format(_identifier(zone))] = None
    lines += [f'  {side}' for side in sides]
    return '\n'.join(lines) + '\n'


def svg(topology: Topology) -> str:
    """Given a topology, return an SVG picture: uplinks above, the firewall pair between, the inner zones below."""
    parts: list[str] = []
    y = 56
    for row in ROWS:
        is_pair = row == ('firewall',)
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        lines = max(ceil(len(_in_zone(topology, zone)) / _columns(width)) for zone in row)
        height = PAIR_HEIGHT if is_pair else ZONE_HEAD_HEIGHT + lines * (BOX_HEIGHT + BOX_GAP)
        for column, zone in enumerate(row):
            x = MARGIN + column * (width + GAP)
            parts += _pair(topology, x, y, width, height) if is_pair else _zone(topology, zone, x, y, width, height)
        y += height + GAP
    title = f'{topology.platform}: {len(topology.hosts)} hosts · {topology.front_door}'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" '
        f'role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="34" font-size="20" font-weight="bold" fill="#222222">{escape(title)}</text>',
    ]
    return '\n'.join([*head, *parts, '</svg>']) + '\n'


def _zone(topology: Topology, zone: str, x: float, y: float, width: float, height: float) -> list[str]:
    network = topology.network(zone)
    label = f'{zone} · {network.subnet} · gateway {network.gateway}'
    if width < 400:
        label = f'{zone} · {network.subnet}'
    return [
        f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="8" fill="{COLOURS[zone]}" stroke="#999999"/>',
        f'<text x="{x + 12:.0f}" y="{y + 24}" font-size="14" fill="#333333">{escape(label)}</text>',
        *_boxes(_in_zone(topology, zone), x, y + 42, width),
    ]


def _pair(topology: Topology, x: float, y: float, width: float, height: float) -> list[str]:
    parts = [
        f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="8" fill="{COLOURS["firewall"]}" stroke="#999999"/>',
        f'<text x="{x + 12:.0f}" y="{y + 24}" font-size="14" fill="#333333">the only way between zones</text>',
    ]
    return parts + _boxes(topology.tier('firewall'), x + width / 3, y + 14, width * 2 / 3)


def _boxes(hosts: tuple[Host, ...], x: float, y: float, width: float) -> list[str]:
    parts = []
    columns = max(1, min(len(hosts), _columns(width)))
    box = (width - 24 - 8 * (columns - 1)) / columns
    for index, host in enumerate(hosts):
        left = x + 12 + (index % columns) * (box + 8)
        top = y + (index // columns) * (BOX_HEIGHT + BOX_GAP)
        parts += [
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{box:.0f}" height="{BOX_HEIGHT}" rx="5" fill="#ffffff" stroke="#555555"/>',
            f'<text x="{left + box / 2:.0f}" y="{top + 16:.0f}" font-size="13" text-anchor="middle" fill="#111111">{escape(host.name)}</text>',
            f'<text x="{left + box / 2:.0f}" y="{top + 31:.0f}" font-size="11" text-anchor="middle" fill="#666666">{host.address}</text>',
        ]
    return parts


def _columns(width: float) -> int:
    return 4 if width > 400 else 3


def _in_zone(topology: Topology, zone: str) -> tuple[Host, ...]:
    return tuple(host for host in topology.hosts if host.zone == zone and host.tier != 'firewall')


def _identifier(name: str) -> str:
    return name.replace('-', '_')

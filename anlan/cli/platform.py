"""`anlan platform`: the platform file checked, described and drawn."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from anlan.cli.options import DEFAULT_PLATFORM, Json, PlatformFile
from anlan.console import json_text, print_json, results, say
from anlan.errors import EXIT_CODES_HELP, BadInput, InvalidFile
from anlan.files import write_atomically
from anlan.platform import Platform, load_platform
from infra.cloud.description import boundary_document
from infra.drawing import mermaid, svg
from infra.outputs import topology_document
from infra.topology import Topology, topology_of

app = typer.Typer(no_args_is_help=True, help='The platform file: check it, describe its keys, show what it stands for.')

File = Annotated[
    Path | None, typer.Argument(metavar='FILE', help='The platform file, as with --platform.', show_default=False)
]


class Format(str, Enum):
    """How a topology is shown."""

    table = 'table'
    json = 'json'
    mermaid = 'mermaid'
    svg = 'svg'


@app.command(epilog=EXIT_CODES_HELP)
def check(
    context: typer.Context, file: File = None, platform: PlatformFile = DEFAULT_PLATFORM, json: Json = False
) -> None:
    """Check a platform file: every error at once, each with its path. Exit 2 if there is any."""
    file = _chosen(context, file, platform)
    try:
        checked = load_platform(file)
    except InvalidFile as error:
        if not json:
            raise
        print_json({'valid': False, 'errors': [{'path': item.path, 'reason': item.reason} for item in error.problems]})
        raise typer.Exit(error.exit_code) from None
    hosts = len(topology_of(checked).hosts)
    if json:
        print_json({'valid': True, 'errors': [], 'platform': checked.name, 'hosts': hosts})
    else:
        say(f'{file}: platform {checked.name}, size {checked.size}, {hosts} hosts: no errors')


@app.command(epilog=EXIT_CODES_HELP)
def schema() -> None:
    """Print the JSON Schema of the platform file, for editors."""
    document = Platform.model_json_schema()
    print_json({'$schema': 'https://json-schema.org/draft/2020-12/schema', **document})


@app.command(epilog=EXIT_CODES_HELP)
def show(
    context: typer.Context,
    *,
    file: File = None,
    platform: PlatformFile = DEFAULT_PLATFORM,
    format: Annotated[Format, typer.Option(help='table, json, mermaid or svg.')] = Format.table,
    output: Annotated[Path | None, typer.Option('--output', '-o', help='Write to this file instead.')] = None,
) -> None:
    """Show the topology that a platform file stands for."""
    shown = load_platform(_chosen(context, file, platform))
    topology = topology_of(shown)
    if format is Format.table:
        if output is not None:
            raise BadInput('a table is for the terminal; with --output take --format json, mermaid or svg')
        _print_tables(shown, topology)
        return
    text = _as_text(shown, topology, format)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        write_atomically(output, text, 0o644)
    except OSError as error:
        raise BadInput(f'{output} cannot be written: {error.strerror}') from None
    say(f'{output} written')


def _chosen(context: typer.Context, file: Path | None, platform: Path) -> Path:
    """Given FILE and --platform, return the file that is meant. Raise BadInput if both are given and differ."""
    if file is None:
        return platform
    source = context.get_parameter_source('platform')
    if source is not None and source.name == 'COMMANDLINE' and file != platform:
        raise BadInput(f'give one platform file: {file}, or --platform {platform}')
    return file


def _as_text(platform: Platform, topology: Topology, format: Format) -> str:
    if format is Format.svg:
        return svg(topology)
    if format is Format.mermaid:
        return mermaid(topology)
    hosts = [_host_document(topology, item.name) for item in topology.hosts]
    return json_text({**topology_document(topology), 'hosts': hosts, 'boundary': boundary_document(platform, topology)})


def _host_document(topology: Topology, name: str) -> dict[str, object]:
    host = topology.host(name)
    return {
        'name': host.name,
        'tier': host.tier,
        'zone': host.zone,
        'fault_domain': host.fault_domain,
        'addresses': {zone: str(address) for zone, address in host.addresses.items()},
        'ipv6_addresses': {zone: str(address) for zone, address in host.ipv6_addresses.items()},
    }


def _print_tables(platform: Platform, topology: Topology) -> None:
    hosts = Table(
        title=f'Platform {platform.name}, size {platform.size}: {len(topology.hosts)} hosts', title_justify='left'
    )
    for column in ('host', 'tier', 'zone', 'address', 'fault domain', 'memory MiB'):
        hosts.add_column(column, justify='right' if 'MiB' in column else 'left')
    for host in topology.hosts:
        zone = 'every zone' if len(host.addresses) > 1 else host.zone
        hosts.add_row(host.name, host.tier, zone, str(host.address), host.fault_domain, str(host.memory_mib))
    results.print(hosts)
    zones = Table(title='Zones', title_justify='left')
    for column in ('zone', 'subnet', 'gateway (firewall pair)'):
        zones.add_column(column)
    for network in topology.networks:
        zones.add_row(network.zone, str(network.subnet), str(network.gateway))
        if network.ipv6_subnet is not None:
            zones.add_row('', str(network.ipv6_subnet), str(network.ipv6_gateway))
    results.print(zones)
    flows = Table(title='Declared flows: nothing else passes between zones', title_justify='left')
    for column in ('flow', 'from', 'to', 'ports', 'why'):
        flows.add_column(column)
    for flow in topology.flows:
        ports = ', '.join(f'{flow.protocol}/{port}' for port in flow.ports) or flow.protocol
        flows.add_row(flow.name, flow.source, flow.destination, ports, flow.reason)
    results.print(flows)
    _print_boundary(platform, topology)
    if platform.size == 'mini':
        results.print('Size mini promises no availability: most tiers have one host.')


def _print_boundary(platform: Platform, topology: Topology) -> None:
    document = boundary_document(platform, topology)
    edges = ', '.join(document['edges'])
    if document['provider'] == 'none':
        title = f'Learners come to the edges themselves: {edges}'
    else:
        title = f'Learners come through {document["provider"]} (not run against the cloud) to {edges}'
    boundary = Table(title=title, title_justify='left')
    for column in ('against', 'who protects'):
        boundary.add_column(column)
    for danger, protection in document['protections'].items():
        boundary.add_row(danger, protection)
    results.print(boundary)

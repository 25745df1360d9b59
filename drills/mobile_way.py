"""A slow mobile way: a network of its own behind a client, with the throughput and the loss of a phone. It ends itself.

The phone is a network namespace on the client; the client's own traffic stays as it is. Down and up are shaped by
HTB, packets are lost by nftables' random numbers. A timer that is set before anything is made removes it all.
"""

from __future__ import annotations

from dataclasses import dataclass

NAME = 'anlan-phone'
OUTER, INNER = 'phone0', 'phone1'
OUTER_ADDRESS, INNER_ADDRESS = '192.0.2.1', '192.0.2.2'
"""Of a network set aside for documentation (RFC 5737): no host of a platform has it."""


@dataclass(frozen=True)
class MobileProfile:
    """What a phone gets: kilobits per second down and up, and the share of packets that are lost, in thousandths."""

    down_kilobits: int
    up_kilobits: int
    lost_per_mille: int


SLOW = MobileProfile(down_kilobits=450, up_kilobits=200, lost_per_mille=5)


def removal() -> str:
    """Return the shell command that removes the way; it may be run when there is none."""
    return f'ip netns del {NAME}; ip link del {OUTER}; nft delete table inet {NAME.replace("-", "_")}; true'


def making(profile: MobileProfile, lease_seconds: int) -> str:
    """Given a profile and for how long, return the shell script that makes the way; its end is set before its start."""
    table = NAME.replace('-', '_')
    return '\n'.join(
        (
            f'systemctl stop {NAME}.timer 2>/dev/null || true',
            f'({removal()}) 2>/dev/null',
            'set -e',
            f"systemd-run --quiet --unit={NAME} --on-active={lease_seconds} /bin/sh -c '{removal()}'",
            f'ip netns add {NAME}',
            f'ip link add {OUTER} type veth peer name {INNER} netns {NAME}',
            f'ip address add {OUTER_ADDRESS}/30 dev {OUTER}',
            f'ip link set {OUTER} up',
            f'ip -n {NAME} address add {INNER_ADDRESS}/30 dev {INNER}',
            f'ip -n {NAME} link set {INNER} up',
            f'ip -n {NAME} link set lo up',
            f'ip -n {NAME} route add default via {OUTER_ADDRESS}',
            # In a container /proc/sys is read-only for all but this view of it.
            "unshare --mount /bin/sh -c 'mount -o remount,bind,rw /proc/sys; echo 1 > /proc/sys/net/ipv4/ip_forward'",
            f'nft add table inet {table}',
            f"nft 'add chain inet {table} out {{ type nat hook postrouting priority 100; }}'",
            f'nft add rule inet {table} out ip saddr {INNER_ADDRESS} masquerade',
            f"nft 'add chain inet {table} lossy {{ type filter hook forward priority 0; }}'",
            f'nft add rule inet {table} lossy iifname {OUTER} numgen random mod 1000 lt {profile.lost_per_mille} drop',
            f'nft add rule inet {table} lossy oifname {OUTER} numgen random mod 1000 lt {profile.lost_per_mille} drop',
            f'tc qdisc add dev {OUTER} root handle 1: htb default 1',
            f'tc class add dev {OUTER} parent 1: classid 1:1 htb rate {profile.down_kilobits}kbit burst 4kb',
            f'tc qdisc add dev {OUTER} parent 1:1 pfifo limit 30',
            f'ip netns exec {NAME} tc qdisc add dev {INNER} root handle 1: htb default 1',
            f'ip netns exec {NAME} tc class add dev {INNER} parent 1: classid 1:1 htb rate {profile.up_kilobits}kbit'
            ' burst 4kb',
        )
    )


def within(argv: list[str]) -> list[str]:
    """Given a command, return it as it runs on the phone, as the client's root."""
    return ['sudo', 'ip', 'netns', 'exec', NAME, *argv]

"""Packages: what dpkg says is installed, and what of it somebody needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anlan.errors import AnlanError

FIELDS = ('db:Status-Want', 'db:Status-Status', 'Package', 'Version', 'Priority', 'Essential', 'Protected')
QUESTION = (
    "dpkg-query -W -f '" + ''.join(f'${{{name}}}\\t' for name in FIELDS)
    + "${Pre-Depends}, ${Depends}\\t${Provides}\\n' | sed 's/ ([^)]*)//g'"
)  # fmt: skip
"""What a host is asked: a line a package. Versions in dependencies are left out: of a name there is one installed."""

BASE_PRIORITIES = ('required',)
PARTS = 9


@dataclass(frozen=True)
class Package:
    """An installed package. `needs`: for each dependency, the names that satisfy it."""

    name: str
    version: str
    want: str
    status: str
    base: bool
    needs: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]


def packages_of(text: str) -> dict[str, Package]:
    """Given the answer to QUESTION, return the packages by name. Raise AnlanError if a line cannot be read."""
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        parts = line.split('\t')
        if len(parts) != PARTS:
            raise AnlanError(f'a line of dpkg cannot be read: {line[:120]}')
        want, status, name, version, priority, essential, protected, needs, provides = parts
        base = priority in BASE_PRIORITIES or essential == 'yes' or protected == 'yes'
        found[name] = Package(name, version, want, status, base, _needs(needs), tuple(_words(provides)))
    return found


def _words(text: str) -> list[str]:
    return [word.strip().partition(':')[0] for word in text.split(',') if word.strip()]


def _needs(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(name.strip().partition(':')[0] for name in each.split('|'))
        for each in text.split(',') if each.strip()
    )  # fmt: skip


def installed(packages: Mapping[str, Package]) -> dict[str, Package]:
    """Given packages, return those whose files are there."""
    return {name: each for name, each in packages.items() if each.status not in ('not-installed', 'config-files')}


def needed(packages: Mapping[str, Package], declared: Iterable[str]) -> set[str]:
    """Given what is installed and what is declared, return all that these, and the base system, depend on.

    Of alternatives every one that is installed counts as needed: which one the installer meant is not recorded.
    """
    by_name: dict[str, set[str]] = {}
    for name, package in packages.items():
        for each in (name, *package.provides):
            by_name.setdefault(each, set()).add(name)
    waiting = [*(name for name, each in packages.items() if each.base)]
    waiting += [name for each in declared for name in by_name.get(each, ())]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [found for need in packages[name].needs for each in need for found in by_name.get(each, ())]
    return seen

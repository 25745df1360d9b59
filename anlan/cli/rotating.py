"""How each secret is brought to the hosts anew without loss of service; which are not rotated here, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anlan.cli.work import Work
from anlan.console import Step
from anlan.platform import Platform
from anlan.secret_rotation import Stage, advance, under_way
from anlan.secret_store import NAMES, has_secrets
from infra.configure import Run

SESSION_SECONDS = 14 * 24 * 3600
"""As long as a learner stays logged in (SESSION_COOKIE_AGE of the application): a session is marked with the key."""


@dataclass(frozen=True)
class Way:
    """How one secret is rotated: on the hosts of which tiers, and whether it is made known to all before it is used.

    `overlap_seconds` is how long the one before stays accepted after that. `refusal` says why it is not rotated here.
    """

    tiers: tuple[str, ...] = ()
    announced: bool = False
    overlap_seconds: float = 0.0
    refusal: str = ''


WAYS: Mapping[str, Way] = {
    # Nobody logs in with it: the superuser comes over the host's own socket, as the user that it is there.
    'database_superuser_password': Way(('data',)),
    # One password a login: the new one belongs to the other of two logins, which is made before anybody uses it.
    'database_replication_password': Way(('data',), announced=True),
    'database_rewind_password': Way(('data',), announced=True),
    'database_application_password': Way(('data', 'app'), announced=True),
    # Asked for by calls that change something, which only `up` and an operator make: all members reload before those.
    'patroni_rest_password': Way(('data',)),
    # Valkey and Sentinel take several passwords for a user.
    'valkey_password': Way(('data', 'app'), announced=True),
    'valkey_administration_password': Way(('data',), announced=True),
    # A learner's next request may come to the other host.
    'django_secret_key': Way(('app',), announced=True, overlap_seconds=SESSION_SECONDS),
    # What a host says while another has no new key yet is said again until it is acknowledged; blocks hold meanwhile.
    'block_list_key': Way(('firewall', 'edge', 'balancer', 'app')),
    # Edges come before the application in a run, so an address is never signed with a key that no edge knows.
    'media_signing_key': Way(('edge', 'app')),
    'journey_password': Way(
        refusal='learners that the checks made have it as their password, and the application has no command that '
        'changes it; it opens nothing but these accounts'
    ),
    'personal_data_key': Way(
        refusal='it encrypts data that are kept: the application encrypts them anew by its own command, with both keys'
    ),
    'personal_data_index_key': Way(
        refusal='people are found by it: with another one nobody is, until the application has built its index anew'
    ),
    # A host hands over with the new one from when it has it; what fails in between is made up for at its next run.
    'backup_login_password': Way(('operations', 'app', 'data', 'monitoring')),
    'database_backup_login_password': Way(('data', 'operations')),
    'object_store_writer_secret': Way(('offsite', 'data', 'operations')),
    'object_store_restorer_secret': Way(('offsite', 'operations')),
    **{
        name: Way(refusal='it is the name of a key, and opens nothing without its secret, which is rotated')
        for name in ('object_store_writer_key_id', 'object_store_restorer_key_id')
    },
    **{
        name: Way(refusal='what is kept was encrypted with it: a new one opens none of that')
        for name in (
            'backup_local_password',
            'backup_offsite_password',
            'database_backup_cipher_password',
            'database_offsite_cipher_password',
        )
    },
}


def way_of(platform: Platform, name: str) -> Way:
    """Given a platform and a secret's name, return how it is rotated there."""
    if name == 'media_signing_key':
        if platform.cloud.provider != 'none':
            return Way(refusal='the cloud before the platform has it too: `anlan cdn rotate-key`, then `anlan up`')
        delivery = platform.delivery
        return Way(('edge', 'app'), overlap_seconds=delivery.signed_url_seconds + delivery.clock_skew_seconds)
    return WAYS.get(name) or Way(refusal='nobody has said yet how the hosts are brought a new one')


def ways(platform: Platform) -> dict[str, Way]:
    """Given a platform, return how each of its secrets is rotated, by name."""
    return {name: way_of(platform, name) for name in NAMES}


def overlaps(platform: Platform) -> dict[str, float]:
    """Given a platform, return for how many seconds the one before each secret stays accepted."""
    delivery = platform.delivery
    found = {name: way.overlap_seconds for name, way in ways(platform).items()}
    return found | {'media_signing_key': delivery.signed_url_seconds + delivery.clock_skew_seconds}


def hosts_of(work: Work, names: Collection[str]) -> list[str]:
    """Given a platform and names of secrets, return the hosts that have one of them."""
    tiers = {tier for name in names for tier in way_of(work.platform, name).tiers}
    return [host.name for host in work.topology.hosts if host.tier in tiers]


Configure = Callable[[Sequence[str]], Run]


def bring(work: Work, configure: Configure, shown: Step, limit: Sequence[str] = ()) -> Run:
    """Given a platform, configure its hosts and take each rotation that is under way to its end; return the first run.

    `configure` runs the site over the hosts that it is given, over all if it is given none. The first run is over those
    of `limit`, or over all; each that follows, over the hosts that the next step of a rotation concerns. What is under
    way is noted only after the hosts have it, so a run that is cut off is run again. The caller holds the platform's
    lock. Raise AnlanError if a run fails.
    """
    file, seconds = work.paths.secrets, overlaps(work.platform)
    # Before the first `up` there are no secrets, and nothing to rotate.
    brought = under_way(file, NAMES) if has_secrets(file) else {}
    first = configure(limit)
    advance(file, brought, seconds)
    while brought := _following(file, brought):
        shown.note(', '.join(sorted(set(brought.values()))))
        configure(hosts_of(work, brought))
        advance(file, brought, seconds)
    return first


def _following(file: Path, brought: Mapping[str, Stage]) -> dict[str, Stage]:
    """Return the next steps of the rotations that a run has just brought one step on."""
    return {name: stage for name, stage in under_way(file, brought).items() if stage is not brought[name]}

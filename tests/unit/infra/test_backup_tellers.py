"""What tells how backups stand: each tier its own service, shut in, and started anew with a new program."""

from __future__ import annotations

import re

import pytest

from monitoring.expectation import SERVICES
from tests.unit.infra.role_settings import rendered, variable

LAG, METRICS = 'anlan-recovery-lag', 'anlan-recovery-metrics'


@pytest.mark.parametrize(
    ('host', 'teller'), [('db-2', LAG), ('vault-1', LAG), ('mon-1', METRICS), ('ops-1', ''), ('app-1', '')]
)
def test_each_tier_has_its_own_and_it_is_expected_there(host: str, teller: str) -> None:
    assert variable('backup', 'backup_teller', host) == teller
    tier = variable('backup', 'anlan_tier', host)
    assert {each for each in SERVICES[tier] if each.startswith('anlan-recovery-')} == (
        {f'{teller}.service'} if teller else set()
    )
    assert ('tell' in variable('backup', 'backup_commands', host)) == bool(teller)


def test_a_teller_is_no_unit_of_a_task_which_the_agent_would_remove() -> None:
    assert not LAG.startswith('anlan-backup-')
    assert not METRICS.startswith('anlan-backup-')


def test_the_vault_tells_of_its_replica_and_data_hosts_of_the_log() -> None:
    command = re.compile(r'^ExecStart=.* lag (\w+) --database learning$', re.MULTILINE)
    for host, of in (('vault-1', 'replica'), ('db-1', 'log')):
        text = rendered('backup', f'{LAG}.service.j2', host)
        assert command.findall(text) == [of]


def test_the_vault_gets_no_folder_for_what_it_does_not_keep() -> None:
    assert [each['path'] for each in variable('backup', 'backup_folders', 'vault-1')] == ['/etc/anlan/backup']
    assert len(variable('backup', 'backup_folders', 'db-1')) > 5


@pytest.mark.parametrize(('host', 'teller'), [('db-1', LAG), ('vault-1', LAG), ('mon-1', METRICS)])
def test_a_teller_has_no_network_and_starts_again_whatever_happens(host: str, teller: str) -> None:
    lines = set(rendered('backup', f'{teller}.service.j2', host).splitlines())
    assert {'PrivateNetwork=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'Restart=always'} <= lines
    assert 'User=' not in ''.join(lines), 'what another than root writes is not believed'


def test_who_judges_reads_the_stores_by_their_group_and_may_do_nothing_else() -> None:
    lines = rendered('backup', f'{METRICS}.service.j2', 'mon-1').splitlines()
    assert 'SupplementaryGroups=systemd-journal' in lines
    assert 'CapabilityBoundingSet=' in lines
    assert 'ReadWritePaths=/run/anlan /var/lib/anlan/backup' in lines

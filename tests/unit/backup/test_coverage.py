"""Coverage: everything that keeps state is in a policy or exempt; what is new and in neither is named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from anlan.errors import InvalidFile
from anlan.paths import ROOT
from backup.coverage import EXEMPT, findings, load_exemptions, places_in, unaccounted
from backup.stateful import STATEFUL, Stateful
from tests.unit.backup.policy_samples import POLICIES, policy

EXEMPTIONS = load_exemptions()
RECORDS = policy('records').sources
NEW = Stateful('chat', ('app',), ('/var/lib/anlan/chat',), 'What learners say.')


def named_in_roles() -> dict[str, set[str]]:
    files = [
        file
        for file in (ROOT / 'playbooks').rglob('*')
        if file.is_file() and '__pycache__' not in file.parts and file.suffix != '.pyc'
    ]
    return {str(file.relative_to(ROOT)): places_in(file.read_text(encoding='utf-8')) for file in files}


def test_everything_that_keeps_state_is_in_one_policy_or_exempt() -> None:
    assert findings(POLICIES, EXEMPTIONS) == []


def test_every_place_that_a_role_names_is_stateful_or_exempt() -> None:
    named = named_in_roles()
    assert len({place for places in named.values() for place in places}) >= 20
    assert [str(each) for each in unaccounted(named, EXEMPTIONS)] == []


@pytest.mark.parametrize(
    ('text', 'places'),
    [
        ('StateDirectory=anlan/chat', {'/var/lib/anlan/chat'}),
        ('StateDirectory = anlan/chat', {'/var/lib/anlan/chat'}),
        ('path: /var//lib/anlan/chat', {'/var/lib/anlan/chat'}),
        ('path: /data/chat', {'/data/chat'}),
        ('LogsDirectory=anlan/events/%i', {'/var/log/anlan/events'}),
        ('CacheDirectory=a b', {'/var/cache/a', '/var/cache/b'}),
        ("FOLDER = Path('/var/lib/anlan/chat/rooms')", {'/var/lib/anlan/chat/rooms'}),
        ('  path: "/srv/{{ item }}"', set()),
        ('dest: /srv/questions/', {'/srv/questions'}),
        ('root /var/lib/anlan;', set()),
        ('/usr/share/var/lib/x and ~/opt/y', set()),
    ],
)
def test_places_are_found_however_a_role_names_them(text: str, places: set[str]) -> None:
    assert places_in(text) == places


def test_a_new_place_of_a_role_is_named_until_it_is_covered_or_exempt() -> None:
    named = {'playbooks/roles/chat/templates/chat.service.j2': places_in('StateDirectory=anlan/chat')}
    (problem,) = unaccounted(named, EXEMPTIONS)
    assert '/var/lib/anlan/chat keeps state' in str(problem)
    assert 'roles/chat' in str(problem)
    assert unaccounted(named, EXEMPTIONS, (*STATEFUL, NEW)) == []


def test_a_new_resource_without_a_policy_is_named() -> None:
    assert 'stateful: chat: is in no policy and not exempt' in map(
        str, findings(POLICIES, EXEMPTIONS, (*STATEFUL, NEW))
    )


def test_a_policy_that_is_taken_away_leaves_its_resource_named() -> None:
    without = [each for each in POLICIES if each.name != 'etcd']
    assert [str(each) for each in findings(without, EXEMPTIONS)] == ['stateful: etcd: is in no policy and not exempt']


@pytest.mark.parametrize(
    ('name', 'change', 'said'),
    [
        ('media', {'covers': ('media', 'nothing')}, 'there is no stateful resource nothing'),
        ('media', {'covers': ('media', 'etcd')}, 'etcd is covered by'),
        ('media', {'covers': ('media', 'face-evidence')}, 'is not there yet'),
        ('face-evidence', {'covers': ('media',)}, 'a policy that is only planned covers nothing'),
        ('records', {'sources': RECORDS[:1]}, 'lack the tier app'),
        ('records', {'sources': RECORDS[2:]}, 'lack the tier monitoring'),
        ('records', {'sources': RECORDS[:1] + RECORDS[2:]}, 'leave out /var/log/sudo'),
        ('etcd', {'sources': (*policy('etcd').sources, *policy('media').sources)}, 'name the tier app'),
    ],
)  # fmt: skip
def test_a_policy_that_does_not_fit_what_there_is_is_named(name: str, change: dict[str, object], said: str) -> None:
    policies = [each.model_copy(update=change) if each.name == name else each for each in POLICIES]
    assert [each for each in findings(policies, EXEMPTIONS) if said in str(each)]


def test_commands_that_reasons_name_are_commands() -> None:
    known = {tuple(words) for words in (('up',), ('release', 'deploy'))}
    for each in load_exemptions():
        for text in (each.reason.zh, each.reason.en):
            for command in re.findall('`anlan ([^`]+)`', text):
                assert tuple(command.split()) in known, each.name


def test_what_is_to_be_covered_cannot_be_exempt_as_well() -> None:
    sly = EXEMPTIONS[0].model_copy(update={'name': 'sly', 'where': ('app',), 'places': ('/var/lib/anlan',)})
    twice = EXEMPTIONS[0].model_copy(update={'name': 'media'})
    said = [str(each) for each in findings(POLICIES, [*EXEMPTIONS, sly, twice])]
    assert any('/var/lib/anlan on app is media, which is to be covered' in each for each in said)
    assert any('media stands for something already' in each for each in said)


def test_an_exemption_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / 'exempt.yaml'
    file.write_text('exempt:\n- {name: a, where: [app], places: [/srv/a]}\n- {name: b, colour: 1}\n', encoding='utf-8')
    with pytest.raises(InvalidFile) as refused:
        load_exemptions(file)
    assert 'exempt.yaml: exempt.0.reason: is missing' in str(refused.value)
    assert 'exempt.yaml: exempt.1.colour: is an unknown key' in str(refused.value)


def test_no_resource_is_named_twice() -> None:
    assert len({each.name for each in STATEFUL}) == len(STATEFUL)
    assert replace(NEW, name='x') != NEW
    assert EXEMPT.exists()

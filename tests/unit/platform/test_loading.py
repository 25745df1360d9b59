"""Loading a platform file: what is wrong is said at once, by path, and never as a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from anlan.errors import EXIT_BAD_INPUT, BadInput, InvalidFile
from anlan.platform import load_platform
from anlan.platform.load import parse_platform
from anlan.platform.model import Platform
from tests.unit.samples import ABSENT, lab, platform_of, problems_of, with_values


def text_with(line: str) -> str:
    """Return the text of a good platform file with one more line."""
    return yaml.safe_dump(lab()) + line + '\n'


def said(values: dict[str, object]) -> list[str]:
    return [str(problem) for problem in problems_of(with_values(lab(), values))]


def test_a_good_file_is_loaded_with_its_defaults_filled_in(tmp_path: Path) -> None:
    file = tmp_path / 'good.yaml'
    file.write_text(yaml.safe_dump(lab()), encoding='utf-8')
    platform = load_platform(file)
    assert platform.name == 'sample'
    assert platform.front_door.port == 443
    assert platform.document()['timing']['patroni']['ttl_seconds'] == 20


def test_a_missing_file_is_said_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r'no such file. An example: infra/platforms/lab\.yaml') as raised:
        load_platform(tmp_path / 'none.yaml')
    assert raised.value.exit_code == EXIT_BAD_INPUT


def test_a_folder_and_a_file_that_is_no_text_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / 'binary.yaml'
    binary.write_bytes(b'name: \xff\xfe')
    for file in (tmp_path, binary):
        with pytest.raises(BadInput, match='cannot be read'):
            load_platform(file)


def test_what_is_nested_without_end_is_no_traceback() -> None:
    with pytest.raises(InvalidFile, match='nested too deeply'):
        parse_platform('a: ' + '[' * 20_000, 'file.yaml')


@pytest.mark.parametrize('text', ['name: [', 'a: b: c', '\tname: x', 'name: !!python/object:os.system x', 'a: *b'])
def test_what_is_no_yaml_is_said(text: str) -> None:
    with pytest.raises(InvalidFile, match='is no YAML'):
        parse_platform(text, 'file.yaml')


@pytest.mark.parametrize('text', ['name: 2026-13-45', '? [a, b]\n: c', '{a: b}: c', 'name: !!int twelve'])
def test_yaml_that_python_cannot_hold_is_an_error_of_the_file(text: str) -> None:
    with pytest.raises(InvalidFile, match=r'file\.yaml has 1 error'):
        parse_platform(text, 'file.yaml')


@pytest.mark.parametrize(('text', 'kind'), [('', 'NoneType'), ('- a', 'list'), ('just words', 'str')])
def test_a_file_that_is_no_mapping_is_said(text: str, kind: str) -> None:
    with pytest.raises(InvalidFile, match=f'must be a mapping of keys, not {kind}'):
        parse_platform(text, 'file.yaml')


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidFile, match=r"the key 'name' stands twice.*line"):
        parse_platform(text_with('name: other'), 'file.yaml')


def test_a_key_that_stands_twice_further_in_is_refused_too() -> None:
    with pytest.raises(InvalidFile, match="the key 'ttl_seconds' stands twice"):
        parse_platform(text_with('timing: {patroni: {ttl_seconds: 20, ttl_seconds: 30}}'), 'file.yaml')


@pytest.mark.parametrize(
    'path',
    [
        'colour', 'tiers.database', 'tiers.app.counts', 'timing.patroni.ttl', 'zones.app.subnets', 'target.headroom',
        'objectives.edge_loss', 'front_door.host', 'certificates.days', 'configuration.fork', 'state.url',
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_its_path(path: str) -> None:
    assert said({path: 1}) == [f'{path}: is an unknown key']


@pytest.mark.parametrize('path', ['name', 'target', 'front_door', 'zones', 'front_door.name', 'zones.app.subnet'])
def test_a_missing_key_is_said_with_its_path(path: str) -> None:
    if path == 'target':
        assert said({path: ABSENT}) == ['target: is missing']
    else:
        assert f'{path}: is missing' in said({path: ABSENT})


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        ('name', 5),
        ('name', 'Lab'),
        ('name', 'a' * 17),
        ('size', 'medium'),
        ('front_door.name', 'localhost'),
        ('front_door.name', 'learn example.cn'),
        ('front_door.port', 0),
        ('front_door.port', 65536),
        ('front_door.port', 'https'),
        ('zones.app.subnet', '198.18.20.5/24'),
        ('zones.app.subnet', 'app'),
        ('zones.app.subnet', 'fd00::/64'),
        ('zones.app.gateway', '198.18.20.300'),
        ('balancer_address', 'balancer'),
        ('tiers.app.count', 0),
        ('tiers.app.count', 10),
        ('tiers.app.count', 2.5),
        ('tiers.app.memory_mib', 95),
        ('timing.vrrp.advert_interval_seconds', 0.01),
        ('timing.patroni.ttl_seconds', 19),
        ('timing.patroni.ttl_seconds', 'long'),
        ('objectives.cache_loss_seconds', 0),
        ('objectives.cache_loss_seconds', float('nan')),
        ('configuration.mitogen', 'perhaps'),
        ('configuration.time_sources', 'ntp.example.cn'),
        ('certificates.host_days', 398),
        ('state.backend', 'http://example.cn'),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(path: str, value: object) -> None:
    (problem,) = problems_of(with_values(lab(), {path: value}))
    assert problem.path == path
    assert problem.reason


def test_a_promise_without_end_is_no_promise() -> None:
    """An objective of infinity would let any loss pass, and is no JSON."""
    (problem,) = problems_of(with_values(lab(), {'objectives.whole_again_seconds': float('inf')}))
    assert problem.path == 'objectives.whole_again_seconds'


def test_a_wrong_value_is_shown_with_the_reason() -> None:
    (sentence,) = said({'front_door.port': 70000})
    assert sentence.startswith('front_door.port: 70000: input should be less than or equal to 65535')


@pytest.mark.parametrize(
    ('values', 'sentence'),
    [
        ({'block_list.never': ['banana']}, "block_list.never.0: 'banana' is no network or address"),
        ({'block_list.never': [{'a': 1}]}, "block_list.never.0: {'a': 1} is no network or address"),
        ({'limits': {'syns': -1}}, 'limits.syns: -1: needs per_second and burst'),
        ({'limits.syns': [1]}, 'limits.syns: needs per_second and burst'),
        ({'limits.syns': {'per_second': 3}}, 'limits.syns.burst: is missing'),
        ({'zones': 3}, 'zones: 3: must be a mapping of keys'),
        ({'block_list.never': 'all'}, "block_list.never: 'all': must be a list"),
        ({'target': 3}, 'target: 3: needs kind, one of lab, onprem'),
        ({'target': {}}, 'target: needs kind, one of lab, onprem'),
        ({'target': {'kind': 'lab', 'lab': 3}}, 'target.lab: is an unknown key'),
        ({'block_list.never': ['::/0']}, 'block_list.never: ::/0 is wider than a /32: attackers would be in it too'),
    ],
)  # fmt: skip
def test_an_error_is_one_sentence_in_the_words_of_the_file(values: dict[str, object], sentence: str) -> None:
    assert said(values) == [sentence]


def test_a_section_without_required_keys_is_named_by_those_it_may_have() -> None:
    (sentence,) = said({'block_list': 3})
    assert sentence.startswith('block_list: 3: needs a mapping with any of seconds, window_seconds, ')


@pytest.mark.parametrize('section', list(Platform.model_fields))
def test_no_path_and_no_reason_shows_how_the_file_is_checked(section: str) -> None:
    for value in (-1, 'x', [1], None, {'x': 1}):
        for problem in problems_of(with_values(lab(), {section: value})) if section != 'name' or value != 'x' else ():
            assert problem.path.startswith(section) or not problem.path
            assert not any(word in str(problem) for word in ('[', 'function-', 'instance of', 'Value error'))


def test_an_unknown_target_is_said_with_those_that_are() -> None:
    (problem,) = problems_of(with_values(lab(), {'target': {'kind': 'moon'}}))
    assert problem.path == 'target'
    assert "'lab', 'onprem'" in problem.reason


def test_the_path_of_a_targets_key_is_the_one_in_the_file() -> None:
    document = with_values(lab(), {'target': {'kind': 'onprem', 'ssh_key_file': 'a', 'hosts': {'db-1': {}}}})
    assert [str(problem) for problem in problems_of(document)] == [
        'target.hosts.db-1.address: is missing',
        'target.hosts.db-1.fault_domain: is missing',
        'target.known_hosts_file: is missing',
    ]


def test_all_errors_are_listed_at_once_by_path() -> None:
    found = said({'zones.app.subnet': 'x', 'name': ABSENT, 'colour': 'red', 'tiers.app.count': 'two', 'size': 'huge'})
    assert [line.split(':')[0] for line in found] == ['colour', 'name', 'size', 'tiers.app.count', 'zones.app.subnet']


def test_all_errors_between_keys_are_listed_at_once_by_path() -> None:
    found = problems_of(
        with_values(lab(), {'tiers.data.count': 4, 'zones.moon': {'subnet': '10.0.0.0/24'}, 'fault_domains': ['a']})
    )
    assert [problem.path for problem in found] == ['fault_domains', 'tiers.data.count', 'zones.moon']


def test_a_platform_is_frozen() -> None:
    platform = platform_of(lab())
    with pytest.raises(ValueError, match='frozen'):
        platform.name = 'other'  # type: ignore[misc]

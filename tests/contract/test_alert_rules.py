"""Alert rules: well formed, tested with promtool, and none without its three kinds of test. Each check says no, too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from anlan.paths import ROOT
from tests.contract.alerting import promtool
from tests.contract.alerting.rules import findings, metrics_of, read_rule_files

FOLDER = ROOT / 'monitoring' / 'rules'
SAMPLE = Path(__file__).parent / 'alerting' / 'sample'


def test_promtool_finds_every_rule_file_sound() -> None:
    assert list(FOLDER.glob('*.yaml'))
    done = promtool.check(FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_test_of_the_rules_passes() -> None:
    done = promtool.run_tests(FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('SUCCESS') == len(list((FOLDER / 'tests').glob('*.yaml')))


def test_every_rule_keeps_the_conventions_and_has_all_three_kinds_of_test() -> None:
    assert findings(read_rule_files(FOLDER)) == []


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the sample, a rule file and its tests, to be broken."""
    return shutil.copytree(SAMPLE, tmp_path / 'rules')


def broken(folder: Path, name: str, before: str, after: str) -> Path:
    file = folder / name
    text = file.read_text(encoding='utf-8')
    assert text.count(before) == 1, before
    file.write_text(text.replace(before, after), encoding='utf-8')
    return folder


def test_the_sample_itself_is_sound(sample: Path) -> None:
    assert promtool.check(sample).returncode == 0
    assert promtool.run_tests(sample).returncode == 0
    assert findings(read_rule_files(sample)) == []


@pytest.mark.parametrize(
    ('before', 'after', 'said'),
    [
        ('anlan_sample_age_seconds > 60', 'anlan_sample_age_seconds >', 'parse error'),
        ('for: 30s', 'for: soon', 'not a valid duration string'),
        ('{{ $labels.instance }} is old', '{{ $labels.instance is old', 'function "is" not defined'),
        ('      - alert: SampleOld', '      - alarm: SampleOld', 'field alarm not found'),
        ('        labels: {severity: ticket}', '        labels: {"sever ity": ticket}', 'invalid label name'),
    ],
)
def test_promtool_refuses_a_broken_rule(sample: Path, before: str, after: str, said: str) -> None:
    done = promtool.check(broken(sample, 'boundary-sample.yaml', before, after))
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_promtool_refuses_the_same_rule_twice(sample: Path) -> None:
    text = (sample / 'boundary-sample.yaml').read_text(encoding='utf-8')
    old = text[text.index('      - alert: SampleOld') : text.index('      - alert: SampleAbsent')]
    (sample / 'boundary-sample.yaml').write_text(text + old, encoding='utf-8')
    done = promtool.check(sample)
    assert done.returncode != 0
    assert 'duplicate rule' in done.stdout + done.stderr


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        ('anlan_sample_age_seconds > 60', 'anlan_sample_age_seconds > 600'),
        ('anlan_sample_age_seconds > 60', 'anlan_sample_age_seconds > 1'),
        ('anlan_sample_age_seconds > 60', 'anlan_sample_age_secs > 60'),
        ('absent(anlan_sample_age_seconds)', 'absent(anlan_sample_age_secs)'),
        ('for: 30s', 'for: 30m'),
        ('labels: {severity: ticket}', 'labels: {severity: page}'),
        ('is old.', 'is ancient.'),
    ],
)
def test_a_rule_that_does_other_than_its_tests_say_is_noticed(sample: Path, before: str, after: str) -> None:
    done = promtool.run_tests(broken(sample, 'boundary-sample.yaml', before, after))
    assert done.returncode != 0
    assert 'FAILED' in done.stdout + done.stderr


@pytest.mark.parametrize(
    ('name', 'before', 'after', 'said'),
    [
        ('boundary-sample.yaml', 'name: boundary-sample', 'name: samples', 'has not the name of its file'),
        ('boundary-sample.yaml', 'labels: {severity: ticket}', 'labels: {severity: high}', 'severity is high'),
        ('boundary-sample.yaml', 'labels: {severity: ticket}', 'labels: {team: one}', 'severity is None'),
        ('boundary-sample.yaml', '  summary_en: The sample of', '  summary: The sample of', 'annotation summary_en'),
        ('boundary-sample.yaml', '的样本已过期。', ' is old.', 'summary_zh is not in Chinese'),
        ('boundary-sample.yaml', 'runbook: sample-old', 'runbook: docs/Sample.md', 'runbook is docs/Sample.md'),
        ('boundary-sample.yaml', 'anlan_sample_age_seconds > 60', 'vector(1) > 0', 'has no metric'),
        ('tests/boundary-sample.yaml', '../boundary-sample.yaml', '../boundary-other.yaml', 'does not test'),
        ('tests/boundary-sample.yaml', 'alertname: SampleOld, exp_alerts: []} # well', 'alertname: X, exp_alerts: []}',
         'SampleOld: no test in which its metric is there and it does not fire'),
        ('tests/boundary-sample.yaml', 'alertname: SampleOld, exp_alerts: []} # absent',
         'alertname: X, exp_alerts: []}', 'SampleOld: no test that says what becomes of it without anlan_sample_age'),
        ('tests/boundary-sample.yaml', 'alertname: SampleOld # fires', 'alertname: X',
         'SampleOld: no test in which it fires'),
        ('tests/boundary-sample.yaml', 'alertname: SampleAbsent # fires', 'alertname: X',
         'SampleAbsent: no test in which it fires'),
        ('tests/boundary-sample.yaml', 'alertname: SampleAbsent, exp_alerts: []} # well',
         'alertname: X, exp_alerts: []}', 'SampleAbsent: no test in which its metric is there and it does not fire'),
    ],
)  # fmt: skip
def test_a_breach_of_the_conventions_is_said(sample: Path, name: str, before: str, after: str, said: str) -> None:
    found = findings(read_rule_files(broken(sample, name, before, after)))
    assert [each for each in found if said in each], found


def test_rules_without_tests_and_tests_without_rules_are_said(sample: Path) -> None:
    (sample / 'tests' / 'boundary-sample.yaml').rename(sample / 'tests' / 'boundary-lost.yaml')
    found = findings(read_rule_files(sample))
    assert 'boundary-sample.yaml: has no tests; they belong into tests/boundary-sample.yaml' in found
    assert 'boundary-lost.yaml: has no rule' in found


def test_one_name_for_two_alerts_is_said(sample: Path) -> None:
    shutil.copy(sample / 'boundary-sample.yaml', sample / 'boundary-twin.yaml')
    assert [
        each for each in findings(read_rule_files(sample)) if 'SampleOld: is in boundary-sample.yaml as well' in each
    ]


@pytest.mark.parametrize(
    ('expression', 'metrics'),
    [
        ('a_total > 1', {'a_total'}),
        ('sum by (x, to) (rate(a_total{why=~"b|c",x="y_z"}[5m])) > on (x) group_left (q) b', {'a_total', 'b'}),
        ('absent(a{part="x"}) or absent(b) unless on() (c offset 5m)', {'a', 'b', 'c'}),
        ('time() - max without (job) (a) > 1e3 and b == bool 0', {'a', 'b'}),
        ('histogram_quantile(0.9, sum(rate(a_bucket[1h:5m])) by (le)) > inf', {'a_bucket'}),
        ('share:of > 0.5', {'good', 'all'}),
        ('vector(1)', set()),
    ],
)  # fmt: skip
def test_the_metrics_of_an_expression_are_found(expression: str, metrics: set[str]) -> None:
    assert metrics_of(expression, {'share:of': 'good / share:all', 'share:all': 'all'}) == metrics

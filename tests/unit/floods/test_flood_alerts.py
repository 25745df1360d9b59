"""The alerts of floods, tried by promtool where it is, and each of them has a test in which it fires."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml

from anlan.paths import ROOT

RULES = ROOT / 'monitoring' / 'rules' / 'boundary-floods.yaml'
TESTS = ROOT / 'monitoring' / 'rules' / 'tests' / 'boundary-floods.yaml'


def test_every_alert_is_seen_to_fire_and_not_to_and_speaks_both_languages() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())['groups'] for rule in group['rules']]
    tried = [each for test in yaml.safe_load(TESTS.read_text())['tests'] for each in test['alert_rule_test']]
    for rule in rules:
        assert {'summary_en', 'summary_zh', 'runbook'} <= set(rule['annotations'])
        outcomes = {bool(each['exp_alerts']) for each in tried if each['alertname'] == rule['alert']}
        assert outcomes == {True, False}, rule['alert']


@pytest.mark.skipif(shutil.which('promtool') is None, reason='promtool is not here: the alerts were not tried')
def test_promtool_agrees() -> None:
    done = subprocess.run(['promtool', 'test', 'rules', str(TESTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""What docs/backup.md and docs/backup.zh.md say is what the policies say."""

from __future__ import annotations

import re

import pytest

from anlan.paths import ROOT
from backup.judgement import spoken
from backup.retention_class import kept_for
from backup.status import WORST
from tests.unit.backup.policy_samples import POLICIES

PAGES = {'en': 'backup.md', 'zh': 'backup.zh.md'}


@pytest.mark.parametrize('language', sorted(PAGES))
def test_the_table_names_every_policy_with_what_it_promises(language: str) -> None:
    text = (ROOT / 'docs' / PAGES[language]).read_text(encoding='utf-8')
    rows = {name: cells.split(' | ') for name, cells in re.findall(r'^\| `([a-z-]+)` \| (.+) \|$', text, re.MULTILINE)}
    assert {policy.name for policy in POLICIES} == {name for name in rows if name not in WORST}
    for policy in POLICIES:
        promised = (policy.recovery_point_seconds, policy.recovery_time_seconds)
        assert rows[policy.name][1:3] == [spoken(seconds, language) for seconds in promised], policy.name
        kept = kept_for(policy.keep.retention(), 'zh' if language == 'zh' else 'en')
        assert kept in rows[policy.name][3], policy.name


@pytest.mark.parametrize('language', sorted(PAGES))
def test_every_state_is_explained(language: str) -> None:
    text = (ROOT / 'docs' / PAGES[language]).read_text(encoding='utf-8')
    assert all(f'| `{state}`' in text for state in WORST)

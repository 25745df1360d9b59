"""The corpora are as large as promised, and a verdict is never better than what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anlan.errors import BadInput
from anlan.paths import ROOT
from drills.corpus import NEEDED, attack_bytes, attack_samples, good_samples
from drills.replay import Share, Verdict, verdict_of
from drills.smuggling import judged, samples

CORPORA = ROOT / 'tests' / 'corpora'
SURROUNDINGS = {name: f'/{name}' for name in NEEDED}


def test_there_are_more_than_150_of_each_and_no_two_have_one_name() -> None:
    for found in (
        good_samples(CORPORA / 'good.yaml', SURROUNDINGS),
        attack_samples(CORPORA / 'attacks.yaml', 'learn.example'),
    ):
        assert len(found) >= 150
        assert len({sample.name for sample in found}) == len(found)
        assert len({sample.data for sample in found}) >= 0.95 * len(found)
        assert all(sample.data.count(b'\r\n\r\n') >= 1 for sample in found)


def test_an_unknown_place_and_a_missing_word_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='no place'):
        attack_bytes('trailer', 'x', 'h')
    with pytest.raises(BadInput, match='token'):
        good_samples(CORPORA / 'good.yaml', {'host': 'x'})
    with pytest.raises(BadInput, match='cannot be read'):
        attack_samples(tmp_path / 'none.yaml', 'h')


def result(**given: Any) -> dict[str, Any]:
    return {'answers': [], 'closed': False, 'failure': '', **given}


def answer(status: int, **headers: str) -> dict[str, Any]:
    return {'status': status, 'headers': {name.replace('_', '-'): value for name, value in headers.items()}}


@pytest.mark.parametrize(
    ('seen', 'what'),
    [
        (result(answers=[answer(403, x_request_refused='ab')]), 'refused by rules'),
        (result(answers=[answer(403, x_anlan_host='app-1')]), 'passed'),
        (result(answers=[answer(404, x_anlan_host='app-1')]), 'passed'),
        (result(answers=[answer(400)]), 'refused by protocol'),
        (result(answers=[answer(301)]), 'passed'),
        (result(closed=True), 'refused by protocol'),
        (result(failure='TimeoutError: timed out'), 'not observed'),
        (result(answers=[answer(429)]), 'not observed'),
        (result(answers=[answer(503)]), 'not observed'),
        (result(), 'not observed'),
    ],
)
def test_a_client_that_is_shut_out_is_no_proof_of_a_rule(seen: dict[str, Any], what: str) -> None:
    sample = attack_samples(CORPORA / 'attacks.yaml', 'h')[0]
    assert verdict_of(sample, seen).what == what


def test_a_share_of_what_was_not_all_seen_is_none() -> None:
    refused, passed, unseen = (
        Verdict(what, 'x', what, 0)  # type: ignore[arg-type]
        for what in ('refused by rules', 'passed', 'not observed')
    )
    assert Share((refused, refused, refused, passed)).refused_share == 0.75
    assert Share((refused, unseen)).refused_share is None
    assert Share(()).refused_share is None


def test_a_hidden_request_that_the_origin_saw_is_a_fault_and_so_is_one_that_nobody_refused() -> None:
    sent = samples(CORPORA / 'smuggling.yaml', 'learn.example', 'run')
    assert len(sent) >= 40
    assert {sample.over_http2 for sample in sent} == {True, False}
    strict = next(sample for sample in sent if not sample.answered and not sample.over_http2)
    refused = result(answers=[answer(400)], closed=True)
    assert judged([strict], [refused], [])[0].fault() is None
    assert 'hidden' in str(judged([strict], [refused], [f'GET /courses/?hidden={strict.mark} 200'])[0].fault())
    assert 'answered 200' in str(judged([strict], [result(answers=[answer(200)])], [])[0].fault())
    assert 'answered' in str(judged([strict], [result(answers=[answer(400), answer(200)])], [])[0].fault())
    assert 'not observed' in str(judged([strict], [result(failure='timed out')], [])[0].fault())
    twice = [f'GET /courses/?visible={strict.mark} 200'] * 2
    assert 'times' in str(judged([strict], [refused], twice)[0].fault())
    assert 'neither' in str(judged([strict], [result()], [])[0].fault())

"""The corpora sent to the front door from a client, and what became of each: refused, passed, or not seen."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urljoin

from anlan.errors import AnlanError
from anlan.remote import Remote
from anlan.synthetic_person import synthetic_person
from drills.blocks import released
from drills.corpus import Sample, request_bytes
from drills.targets import require_target

SCRIPT = Path(__file__).with_name('raw_requests.py')
DEADLINE_SECONDS = 240.0
LONGEST_DEAF_SECONDS = 600.0
UNIT = 'anlan-block-list-return'
DEAF = (
    'systemd-run --quiet --collect --unit={unit} --on-active={seconds:g}s '
    'systemctl start anlan-block-list.socket anlan-block-list.service && '
    'systemctl stop anlan-block-list.service anlan-block-list.socket'
)
HEARING = 'systemctl start anlan-block-list.socket anlan-block-list.service && systemctl stop {unit}.timer || true'
AGENT = ['User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0', 'Accept: */*']

What = Literal['passed', 'refused by rules', 'refused by protocol', 'not observed']


@dataclass(frozen=True)
class Verdict:
    """What became of one request, and its status (0: closed without an answer, or none)."""

    name: str
    family: str
    what: What
    status: int
    reason: str = ''


@dataclass(frozen=True)
class Share:
    """The verdicts of a corpus."""

    verdicts: tuple[Verdict, ...]

    def named(self, what: What) -> list[str]:
        """Return the names of the requests of which this became."""
        return [verdict.name for verdict in self.verdicts if verdict.what == what]

    @property
    def refused_share(self) -> float | None:
        """Return the share of what was observed that was refused, None if anything was not observed."""
        if not self.verdicts or self.named('not observed'):
            return None
        return 1 - len(self.named('passed')) / len(self.verdicts)

    def counts(self) -> dict[str, int]:
        """Return how many of each."""
        return dict(Counter(verdict.what for verdict in self.verdicts))


def verdict_of(sample: Sample, result: Mapping[str, Any]) -> Verdict:
    """Given a request and what a client saw of it, return the verdict.

    No answer to the connection is no verdict: it may be the block list's work, or nobody's. An answer of a host behind
    the edge is `passed`, whatever it says.
    """
    if result['failure']:
        return Verdict(sample.name, sample.family, 'not observed', 0, str(result['failure']))
    if not result['answers']:
        what: What = 'refused by protocol' if result['closed'] else 'not observed'
        return Verdict(sample.name, sample.family, what, 0, 'closed without an answer')
    answer = result['answers'][0]
    headers, status = answer['headers'], int(answer['status'])
    if status in {429, 502, 503, 504}:
        return Verdict(sample.name, sample.family, 'not observed', status, 'a limit or a fault answered, not the rules')
    if 'x-request-refused' in headers:
        return Verdict(sample.name, sample.family, 'refused by rules', status, headers['x-request-refused'])
    if 'x-anlan-host' in headers or status < 400:
        return Verdict(sample.name, sample.family, 'passed', status)
    return Verdict(sample.name, sample.family, 'refused by protocol', status)


@dataclass(frozen=True)
class Client:
    """A client that asks one edge of a lab."""

    remote: Remote
    outputs: Mapping[str, Any]
    name: str
    edge: str

    @property
    def host(self) -> str:
        """Return the front door's name."""
        return str(self.outputs['variables']['platform']['front_door']['name'])

    def send(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Given requests (`id`, `data`, and what raw_requests.py knows), return what came of each. Raise AnlanError."""
        address = require_target(self.outputs, self.outputs['hosts'][self.edge]['variables']['anlan_address'])
        question = {
            'address': address, 'port': self.outputs['variables']['platform']['front_door']['port'], 'name': self.host,
            'requests': [{**each, 'data': base64.b64encode(each['data']).decode()} for each in requests],
        }  # fmt: skip
        script = SCRIPT.read_text(encoding='utf-8')
        done = self.remote.run(self.name, ['python3', '-c', script], DEADLINE_SECONDS, json.dumps(question))
        if done.code != 0:
            raise AnlanError(f'{self.name} could not send the requests: {done.err.strip()[-300:]}')
        found: list[dict[str, Any]] = json.loads(done.out)
        return found

    def ask(self, line: str, headers: Sequence[str] = (), body: str = '') -> dict[str, Any]:
        """Given a request, return its answer, whole. Raise AnlanError if there is none."""
        data = request_bytes(line, self.host, [*AGENT, *headers], body)
        result = self.send([{'id': line, 'data': data, 'excerpt': 1 << 20}])[0]
        if not result['answers']:
            raise AnlanError(f'{self.edge} did not answer {line}: {result["failure"] or "closed"}')
        answer: dict[str, Any] = result['answers'][0]
        return answer

    def replay(self, samples: Sequence[Sample]) -> Share:
        """Given requests, send them and return the verdicts. Raise AnlanError."""
        results = self.send([{'id': sample.name, 'data': sample.data} for sample in samples])
        return Share(tuple(verdict_of(sample, result) for sample, result in zip(samples, results, strict=True)))


def surroundings(client: Client, user: str, password: str) -> dict[str, str]:
    """Given a client and a learner, sign the learner in (up, the first time) and return what honest requests need.

    Raise AnlanError if the platform has no lesson or lets nobody in.
    """
    page = client.ask('GET /accounts/login/')
    token, cookies = _token(page), _cookies(page)
    form = ['Content-Type: application/x-www-form-urlencoded', f'Referer: https://{client.host}/', f'Cookie: {cookies}']
    fields = {'csrfmiddlewaretoken': token, 'username': user}
    answer = client.ask('POST /accounts/login/', form, urlencode({**fields, 'password': password}))
    if answer['status'] == 200:
        both = {'password1': password, 'password2': password}
        person = synthetic_person(user).fields()
        answer = client.ask('POST /accounts/signup/', form, urlencode({**fields, **both, **person}))
    cookies = _cookies(answer)
    if 'sessionid=' not in cookies:
        raise AnlanError(f'{user} could not sign in: {answer["status"]}')
    courses = json.loads(client.ask('GET /api/courses/')['body'])['courses']
    found = next(((c['slug'], each) for c in courses for each in c['lessons'] if each['playlist']), None)
    if found is None:
        raise AnlanError('no course has a published lesson')
    course, lesson = found
    home = client.ask(f'GET /lessons/{lesson["id"]}/', [f'Cookie: {cookies}'])
    variant = urljoin(lesson['playlist'], _entry(client.ask(f'GET {lesson["playlist"]}')['body']))
    segment = urljoin(variant, _entry(client.ask(f'GET {variant}')['body']))
    return {
        'host': client.host, 'course': course, 'lesson': str(lesson['id']), 'playlist': lesson['playlist'],
        'variant': variant, 'segment': segment, 'token': _token(home), 'cookies': cookies,
        'style': _first(r'"(/static/[^"]+\.css)"', home['body']),
        'script': _first(r'"(/static/[^"]+\.js)"', home['body']),
    }  # fmt: skip


@contextmanager
def sensors_deaf(client: Client, seconds: float = LONGEST_DEAF_SECONDS) -> Iterator[None]:
    """Given a client, keep its edge from reporting it to the block list while the body runs; else the second attack of
    a corpus would meet a shut door, and say nothing of the rules.

    Killed in between, the edge hears again by itself after `seconds`. Raise AnlanError.
    """
    if not 0 < seconds <= LONGEST_DEAF_SECONDS:
        raise AnlanError(f'an edge is deaf for at most {LONGEST_DEAF_SECONDS:g} s, not {seconds:g} s')
    _do(client, DEAF.format(unit=UNIT, seconds=seconds))
    try:
        yield
    finally:
        _do(client, HEARING.format(unit=UNIT))
        released(client.remote, client.outputs, client.outputs['hosts'][client.name]['variables']['anlan_address'])


def _do(client: Client, script: str) -> None:
    done = client.remote.run(client.edge, ['sudo', 'sh', '-c', script], 60.0)
    if done.code != 0:
        raise AnlanError(f'{client.edge}: {(done.err or done.out).strip()[-300:]}')


def _token(answer: Mapping[str, Any]) -> str:
    return _first(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer['body'])


def _cookies(answer: Mapping[str, Any]) -> str:
    return '; '.join(re.findall(r'(?m)^((?:csrftoken|sessionid)=[^;\s]+)', answer['headers'].get('set-cookie', '')))


def _entry(playlist: str) -> str:
    return next((line for line in playlist.splitlines() if line and not line.startswith('#')), '')


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise AnlanError(f'a page of the platform has nothing like {pattern}')
    return match[1]

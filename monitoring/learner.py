"""A learner at the front door, as one JSON object on standard output. Runs on a client; standard library only.

Reads one JSON object from standard input: `mode`, `url`, `user`, `password`, what the mode needs besides, and
`edge`, an address, if only that one edge shall be asked.

- `journey`: each step of a learner's way once, timed.
- `steady`: writes and reads without a pause for at most `seconds`, or until the file `stop_file` is there; every
  request is noted, a write is repeated under its own number until it is acknowledged.
- `read_back`: the number of every event that the platform keeps of this learner.

Every request is a browser's: certificate checked, cookies, CSRF token, and the next edge if one does not answer.
"""

from __future__ import annotations

import hashlib
import http.client
import http.cookiejar
import json
import pathlib
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0
# As the player does (lesson.js): an answer that has not come by then is asked for again.
PATIENCE_SECONDS = 2.5
STEADY_MAXIMUM_SECONDS = 600.0


class EdgeConnection(http.client.HTTPSConnection):
    """HTTPS to the first of a name's addresses that answers, or to the one edge that the question names."""

    edge = ''

    def connect(self) -> None:
        raw = socket.create_connection((self.edge or self.host, self.port), CONNECT_SECONDS)
        raw.settimeout(self.timeout)
        self.sock = self._context.wrap_socket(raw, server_hostname=self.host)


class EdgeHandler(urllib.request.HTTPSHandler):
    def https_open(self, request):  # type: ignore[no-untyped-def]
        return self.do_open(EdgeConnection, request)


class Device:
    """A browser: cookies of its own, the same learner."""

    def __init__(self, url: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.url = url
        self.answer_seconds = answer_seconds
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(EdgeHandler(), urllib.request.HTTPCookieProcessor(self.cookies))
        self.served_by = ''

    def cookie(self, name: str) -> str:
        return next((cookie.value or '' for cookie in self.cookies if cookie.name == name), '')

    def ask(self, path: str, data: bytes | None = None, method: str | None = None, **headers: str) -> bytes:
        address = urllib.parse.urljoin(self.url, path)
        request = urllib.request.Request(address, data=data, method=method, headers={'Referer': self.url, **headers})
        try:
            with self.opener.open(request, timeout=self.answer_seconds) as answer:
                self.served_by = answer.headers.get('X-Anlan-Host') or self.served_by
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            raise RuntimeError(f'{method or "GET"} {path} answered {error.code}: {error.read(200)!r}') from None

    def form(self, path: str, **fields: str) -> bytes:
        page = self.ask(path).decode()
        match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        token = match.group(1) if match else self.cookie('csrftoken')
        return self.ask(path, urllib.parse.urlencode({'csrfmiddlewaretoken': token, **fields}).encode(), 'POST')

    def log_in(self, user: str, password: str) -> None:
        self.form('/accounts/login/', username=user, password=password)
        if not self.cookie('sessionid'):
            raise LookupError('the log-in was refused')


class Journey:
    """The steps, in the order in which a learner takes them."""

    def __init__(self, question: dict[str, str]) -> None:
        self.question = question
        self.device = Device(question['url'])
        self.other = Device(question['url'])
        self.lesson: dict[str, object] = {}
        self.playlist = ''
        self.position = 0.0

    def open(self) -> None:
        self.device.ask('/')

    def log_in(self) -> None:
        sign_in(self.device, self.question['user'], self.question['password'])

    def courses(self) -> None:
        self.lesson = published_lesson(self.device)

    def lesson_page(self) -> None:
        self.device.ask(f'/lessons/{self.lesson["id"]}/')

    def video(self) -> None:
        master_path = str(self.lesson['playlist'])
        master = self.device.ask(master_path).decode()
        variant = next(line for line in master.splitlines() if line and not line.startswith('#'))
        variant_path = urllib.parse.urljoin(master_path, variant)
        playlist = self.device.ask(variant_path).decode()
        segment = next(line for line in playlist.splitlines() if line and not line.startswith('#'))
        if len(self.device.ask(urllib.parse.urljoin(variant_path, segment))) < 1000:
            raise LookupError('the first segment of the video is empty')

    def save_progress(self) -> None:
        self.position = round(time.time() % 7, 3)
        save_progress(self.device, self.lesson, str(uuid.uuid4()), self.position)

    def other_device(self) -> None:
        self.other.log_in(self.question['user'], self.question['password'])
        answer = json.loads(self.other.ask(f'/api/lessons/{self.lesson["id"]}/progress/'))
        if abs(float(answer['position_seconds']) - self.position) > 0.001:
            raise LookupError(f'saved {self.position} s, another device reads {answer["position_seconds"]} s')

    def walk(self) -> dict[str, object]:
        steps = []
        for name in ('open', 'log_in', 'courses', 'lesson_page', 'video', 'save_progress', 'other_device'):
            started = time.monotonic()
            reason = None
            try:
                getattr(self, name)()
            except Exception as error:
                reason = f'{type(error).__name__}: {error}'[:300]
            seconds = round(time.monotonic() - started, 4)
            steps.append({'name': name, 'ok': reason is None, 'seconds': seconds, 'reason': reason})
            if reason is not None:
                break
        return {'steps': steps, 'served_by': self.device.served_by}


class Steady:
    """A learner who never stops: three loops beside each other, each with what became of every request."""

    def __init__(self, question: dict[str, object]) -> None:
        self.question = question
        self.device = Device(str(question['url']), PATIENCE_SECONDS)
        self.ends = time.time() + min(float(str(question['seconds'])), STEADY_MAXIMUM_SECONDS)
        self.stop_file = pathlib.Path(str(question['stop_file']))
        self.interval_seconds = float(str(question.get('interval_seconds', 0.1)))
        self.outcomes: dict[str, list[tuple[float, float, str]]] = {'write': [], 'read': [], 'media': []}
        self.acknowledged: list[str] = []
        self.served_by: dict[str, int] = {}

    def run(self) -> dict[str, object]:
        sign_in(self.device, str(self.question['user']), str(self.question['password']))
        lesson = published_lesson(self.device)
        threads = [
            threading.Thread(target=self.loop, args=(kind, action, lesson))
            for kind, action in (('write', self.write), ('read', self.read), ('media', self.media))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {'outcomes': self.outcomes, 'acknowledged': self.acknowledged, 'served_by': self.served_by}

    def loop(self, kind: str, action: object, lesson: dict[str, object]) -> None:
        pending = None
        while time.time() < self.ends and not self.stop_file.exists():
            number = pending or str(uuid.uuid4())
            started = time.time()
            try:
                action(lesson, number)  # type: ignore[operator]
                reason, pending = '', None
                if kind == 'write':
                    self.acknowledged.append(number)
            except Exception as error:
                reason, pending = f'{type(error).__name__}: {error}'[:200], number
            self.outcomes[kind].append((round(started, 4), round(time.time(), 4), reason))
            time.sleep(self.interval_seconds)

    def write(self, lesson: dict[str, object], number: str) -> None:
        save_progress(self.device, lesson, number, round(time.time() % 7, 3))
        self.served_by[self.device.served_by] = self.served_by.get(self.device.served_by, 0) + 1

    def read(self, lesson: dict[str, object], number: str) -> None:
        self.device.ask(f'/api/lessons/{lesson["id"]}/progress/')

    def media(self, lesson: dict[str, object], number: str) -> None:
        self.device.ask(str(lesson['playlist']))


def sign_in(device: Device, user: str, password: str) -> None:
    try:
        device.log_in(user, password)
    except LookupError:
        both = {'password1': password, 'password2': password}
        device.form('/accounts/signup/', username=user, **both, **person_of(user))
        if not device.cookie('sessionid'):
            device.log_in(user, password)


def person_of(user: str) -> dict[str, str]:
    """Return who registers under this name, always the same: nobody, for no area is 00 and no operator 154."""
    parts = [int(word, 16) for word in re.findall('.{8}', hashlib.sha256(user.encode()).hexdigest())]
    born = f'{1960 + parts[1] % 40}{1 + parts[2] % 12:02}{1 + parts[3] % 28:02}'
    first = f'00{parts[0] % 10_000:04}{born}{parts[4] % 1_000:03}'
    total = sum(int(digit) * (2**power % 11) for digit, power in zip(first, range(17, 0, -1), strict=True))
    return {
        'real_name': '合成学员',
        'identity_number': first + '10X98765432'[total % 11],
        'mobile_phone': f'154{parts[5] % 100_000_000:08}',
        'consent': 'on',
    }


def published_lesson(device: Device) -> dict[str, object]:
    courses = json.loads(device.ask('/api/courses/'))['courses']
    lessons: list[dict[str, object]] = [lesson for course in courses for lesson in course['lessons']]
    lessons = [lesson for lesson in lessons if lesson['playlist']]
    if not lessons:
        raise LookupError('no course has a published lesson')
    return lessons[0]


def save_progress(device: Device, lesson: dict[str, object], number: str, position_seconds: float) -> None:
    body = {'event_id': number, 'position_seconds': position_seconds, 'device': 'learner'}
    device.ask(
        f'/api/lessons/{lesson["id"]}/progress/', json.dumps(body).encode(), 'PUT',
        **{'Content-Type': 'application/json', 'X-CSRFToken': device.cookie('csrftoken')},
    )  # fmt: skip


def read_back(question: dict[str, str]) -> dict[str, object]:
    device = Device(question['url'])
    sign_in(device, question['user'], question['password'])
    events: list[str] = []
    after = 0
    while after is not None:
        page = json.loads(device.ask(f'/api/progress/events/?after={after}'))
        events += [event['event_id'] for event in page['events']]
        after = page['next']
    return {'events': events}


def main() -> None:
    question = json.load(sys.stdin)
    EdgeConnection.edge = question.get('edge', '')
    modes = {
        'journey': lambda: Journey(question).walk(),
        'steady': lambda: Steady(question).run(),
        'read_back': lambda: read_back(question),
    }
    json.dump(modes[question['mode']](), sys.stdout)


main()

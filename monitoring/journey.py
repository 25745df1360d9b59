"""A learner's journey through the front door, step by step and timed. Runs on a client; standard library only.

Reads `{"url": …, "user": …, "password": …}` from standard input and writes one JSON object. Every step talks to
the platform as a browser would: certificate checked, cookies, CSRF token, and the next edge if one does not answer.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import re
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0


class EdgeConnection(http.client.HTTPSConnection):
    """HTTPS to the first of a name's addresses that answers."""

    def connect(self) -> None:
        raw = socket.create_connection((self.host, self.port), CONNECT_SECONDS)
        raw.settimeout(ANSWER_SECONDS)
        self.sock = self._context.wrap_socket(raw, server_hostname=self.host)


class EdgeHandler(urllib.request.HTTPSHandler):
    def https_open(self, request):  # type: ignore[no-untyped-def]
        return self.do_open(EdgeConnection, request)


class Device:
    """A browser: cookies of its own, the same learner."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(EdgeHandler(), urllib.request.HTTPCookieProcessor(self.cookies))
        self.served_by = ''

    def cookie(self, name: str) -> str:
        return next((cookie.value or '' for cookie in self.cookies if cookie.name == name), '')

    def ask(self, path: str, data: bytes | None = None, method: str | None = None, **headers: str) -> bytes:
        address = urllib.parse.urljoin(self.url, path)
        request = urllib.request.Request(address, data=data, method=method, headers={'Referer': self.url, **headers})
        try:
            with self.opener.open(request, timeout=ANSWER_SECONDS) as answer:
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
        user, password = self.question['user'], self.question['password']
        try:
            self.device.log_in(user, password)
        except LookupError:
            self.device.form('/accounts/signup/', username=user, password1=password, password2=password)
            if not self.device.cookie('sessionid'):
                self.device.log_in(user, password)

    def courses(self) -> None:
        courses = json.loads(self.device.ask('/api/courses/'))
        courses = courses['courses'] if isinstance(courses, dict) else courses
        lessons = [lesson for course in courses for lesson in course['lessons'] if lesson['playlist']]
        if not lessons:
            raise LookupError('no course has a published lesson')
        self.lesson = lessons[0]

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
        body = {'event_id': str(uuid.uuid4()), 'position_seconds': self.position, 'device': 'journey'}
        self.device.ask(
            f'/api/lessons/{self.lesson["id"]}/progress/', json.dumps(body).encode(), 'PUT',
            **{'Content-Type': 'application/json', 'X-CSRFToken': self.device.cookie('csrftoken')},
        )  # fmt: skip

    def other_device(self) -> None:
        self.other.log_in(self.question['user'], self.question['password'])
        answer = json.loads(self.other.ask(f'/api/lessons/{self.lesson["id"]}/progress/'))
        if abs(float(answer['position_seconds']) - self.position) > 0.001:
            raise LookupError(f'saved {self.position} s, another device reads {answer["position_seconds"]} s')


def main() -> None:
    journey = Journey(json.load(sys.stdin))
    steps = []
    for name in ('open', 'log_in', 'courses', 'lesson_page', 'video', 'save_progress', 'other_device'):
        started = time.monotonic()
        reason = None
        try:
            getattr(journey, name)()
        except Exception as error:
            reason = f'{type(error).__name__}: {error}'[:300]
        steps.append(
            {'name': name, 'ok': reason is None, 'seconds': round(time.monotonic() - started, 4), 'reason': reason}
        )
        if reason is not None:
            break
    json.dump({'steps': steps, 'served_by': journey.device.served_by}, sys.stdout)


main()

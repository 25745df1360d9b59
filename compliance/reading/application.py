"""The application of a host: its settings, asked by its own management command, and what its log-in answers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from testinfra.host import Host

from compliance.checking import not_verified
from compliance.expected import Expected
from compliance.reading.asking import done
from compliance.violation import Violation, run

MANAGE = 'anlan-release manage $(anlan-release current)'
SETTINGS = """import json, sys
from django.conf import settings as s
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.db.models import CharField, Count, F, Func, Value
database, cache = s.DATABASES["default"], s.CACHES["default"]
people = get_user_model().objects
names = ("admin", "administrator", "root", "test", "demo", "guest", "user", "anlan", "learning")
words = ("admin", "123456", "password", "admin123", "anlan")
kind = Func(F("password"), Value("$"), Value(1), function="split_part", output_field=CharField())
kinds = people.annotate(kind=kind).values_list("kind").annotate(n=Count("id"))
staff = people.filter(is_staff=True)[:20]
print(json.dumps({
    "plain": {name: getattr(s, name, None) for name in (
        "DEBUG", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_AGE",
        "SESSION_EXPIRE_AT_BROWSER_CLOSE", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_SAMESITE", "X_FRAME_OPTIONS",
        "SECURE_CONTENT_TYPE_NOSNIFF", "SECURE_REFERRER_POLICY", "SECURE_CROSS_ORIGIN_OPENER_POLICY",
        "LOGIN_FAILURES_ALLOWED", "LOGIN_FAILURES_WINDOW_SECONDS", "DATA_UPLOAD_MAX_MEMORY_SIZE",
        "DATA_UPLOAD_MAX_NUMBER_FIELDS",
        "SECURE_PROXY_SSL_HEADER", "USE_TZ", "PASSWORD_HASHERS", "CSRF_TRUSTED_ORIGINS", "SESSION_ENGINE")},
    "hosts": list(s.ALLOWED_HOSTS),
    "secret_length": len(s.SECRET_KEY),
    "validators": {each["NAME"].rpartition(".")[2]: each.get("OPTIONS", {}) for each in s.AUTH_PASSWORD_VALIDATORS},
    "apps": list(s.INSTALLED_APPS), "middleware": list(s.MIDDLEWARE),
    "database": {"tls": database["OPTIONS"].get("sslmode"), "user": database["USER"]},
    "cache": {key: bool(cache["OPTIONS"].get(key)) for key in ("authority_file", "password")},
    "found": [each.id for each in run_checks(include_deployment_checks=True)],
    "kinds": dict(kinds), "mighty": people.filter(is_superuser=True).count(),
    "default_names": sorted(people.filter(username__in=names, is_active=True).values_list("username", flat=True)),
    "open": sorted({each.username for each in staff for word in (*words, each.username) if each.check_password(word)}),
}, default=str))
"""
"""Of people only how many there are, and default names, leave the host."""

FILE = '/opt/anlan/current/venv/lib/python3*/site-packages/learning/settings/production.py'


def settings(host: Host) -> Mapping[str, Any]:
    """Return what the application says of its settings and its accounts. Fail if it does not."""
    said = host.run(f'{MANAGE} shell --no-imports -c %s', SETTINGS)
    text = done(said, 'the application does not tell its settings')
    found: Mapping[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


def altered(line: str) -> Violation:
    """Given a line of Python, return the violation that the settings end with it. What runs has them read before."""
    saved = '/var/lib/anlan/violation/production.py'
    return run(
        f'mkdir -p /var/lib/anlan/violation && f=$(echo {FILE}) && cp -p $f {saved} && echo {shlex.quote(line)} >> $f',
        f'f=$(echo {FILE}); if [ -e {saved} ]; then cp -p {saved} $f && rm -f {saved}; fi',
    )


def log_ins(expected: Expected) -> str:
    """Return the command that tries to log in, with a name and a password that everybody knows, as a browser would."""
    name = expected.platform['front_door']['name']
    own = f'{expected.name}.{expected.outputs["variables"]["internal_domain"]}'
    curl = f'curl -s -m 8 --cacert /etc/anlan/tls/ca.crt -H "Host: {name}"'
    page = f'https://{own}:8443/accounts/login/'
    return f"""
token=$({curl} -o /dev/null -D - {page} | sed -n 's/^[Ss]et-[Cc]ookie: csrftoken=\\([^;]*\\).*/\\1/p')
for who in admin:admin anlan:anlan; do
  echo $who $({curl} -o /dev/null -w '%{{http_code}}' -H "Cookie: csrftoken=$token" \\
    -H 'Referer: https://{name}/accounts/login/' --data-urlencode "csrfmiddlewaretoken=$token" \\
    --data-urlencode "username=${{who%:*}}" --data-urlencode "password=${{who#*:}}" {page})
done
echo forged $({curl} -o /dev/null -w '%{{http_code}}' --data-urlencode username=x {page})"""


def codes(host: Host, expected: Expected) -> dict[str, str]:
    """Return the code that each log-in was answered with. Ends the check if nothing was answered."""
    found = dict(line.split() for line in host.run(log_ins(expected)).stdout.splitlines() if len(line.split()) == 2)
    if not found or set(found.values()) & {'000', '502', '503', '504'}:
        not_verified(f'the log-in was not answered: {found or "no word"}')
    return found

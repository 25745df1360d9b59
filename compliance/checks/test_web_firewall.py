"""Web application firewall: harmless samples of attacks, which an edge sends to itself, and what it answers.

They come from the loopback with the mark of the platform's own probes, so that nobody is shut out for them and none is
counted as an attack.
"""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.violation import answered, substitute

ATTACKS = {
    'sql-injection': '"$u/?q=1%27%20or%20%271%27=%271"',
    'cross-site-scripting': '"$u/?q=%3Cscript%3Ealert(1)%3C/script%3E"',
    'path-traversal': '"$u/?file=../../../../etc/passwd"',
    'command-execution': '"$u/?q=%3Bcat%20/etc/passwd"',
    'look-up-of-a-logging-library': '"$u/?q=%24%7Bjndi:ldap://x/a%7D"',
    'php-injection': '"$u/?q=%3C%3Fphp%20system(1)"',
    'remote-file-inclusion': '"$u/?f=http://192.0.2.1/x.php%3F"',
    'serialized-object': '"$u/?q=rO0ABXNyAA"',
    'session-fixation': '-H "Referer: http://elsewhere.example/" "$u/?PHPSESSID=1"',
    'scanner': '-A sqlmap/1.0 "$u/"',
    'in-a-form': '-X POST -d "q=1\' or \'1\'=\'1" "$u/search/"',
    'in-json': '-X POST -H "Content-Type: application/json" -d \'{"q":"<script>alert(1)</script>"}\' "$u/search/"',
    'in-a-cookie': '-b "a=1\' or \'1\'=\'1" "$u/"',
    'method-that-changes': '-X DELETE "$u/courses/"',
}
"""Samples that the rules refuse with 403."""

OTHERS = {
    'json-that-cannot-be-read': (
        '-X POST -H "Content-Type: application/json" -d \'{"q":\' "$u/search/"',
        ('400', '403'),
    ),
    'body-that-is-too-large': (
        '-X POST --data-binary @/bin/sh -H "Content-Length: 99999999" "$u/search/"',
        ('413', '400'),
    ),
    'method-of-tracing': ('-X TRACE "$u/"', ('405', '403')),
    'media-of-another-shape': ('"$u/media/..%2f..%2fetc/passwd"', ('400', '403', '404')),
    'file-of-the-source': ('"$u/.git/config"', ('403', '404')),
    'address-without-a-signature': ('"$u/signed/1/x"', ('403',)),
    'another-name': ('-H "Host: elsewhere.example" "$u/"', ('421', '400', '403')),
}
"""What nginx refuses by itself, whatever the rules say, and how."""

HONEST = {'page': '"$u/courses/"', 'search': '"$u/search/?q=%E9%AB%98%E5%A4%84%E4%BD%9C%E4%B8%9A"'}
EVERY = {**ATTACKS, **{name: words for name, (words, _) in OTHERS.items()}, **HONEST}
# One program and, where the edge lets it, one connection: that is most of the time.
PROBE = 'u=https://NAME:PORT; curl ' + ' --next '.join(
    "-sk -m 8 --path-as-is --resolve NAME:PORT:127.0.0.1 -H 'X-Waf-Probe: 1' -o /dev/null "
    f"-w '{name} %{{http_code}} %header{{x-request-refused}}\\n' {words}"
    for name, words in EVERY.items()
)
DETECTION_ONLY = substitute(
    '/etc/anlan/waf.rules', '^SecRuleEngine On', 'SecRuleEngine DetectionOnly', 'systemctl reload nginx && sleep 1.5'
)


def answer_to(host, expected, name):
    """Given the name of a sample, return the status that it was answered with, and whether the rules refused it."""
    door = expected.platform['front_door']
    said = host.run(PROBE.replace('NAME', door['name']).replace('PORT', str(door['port'])))
    answers = {words[0]: words[1:] for words in map(str.split, said.stdout.splitlines()) if len(words) > 1}
    code, *number = answers.get(name, ['000'])
    if code == '000':
        not_verified('the edge does not answer its own requests')
    return code, bool(number)


@pytest.mark.parametrize('attack', [pytest.param(each, id=each, marks=violation(DETECTION_ONLY)) for each in ATTACKS])
@tiers('edge')
@clauses('22239-8.1.3.2-e', '22239-8.1.4.4-d', '22239-8.1.3.3-a')
def test_an_attack_is_refused(host, expected, attack):
    # The application refuses much by itself; what the rules refuse has a number for who was refused by mistake.
    code, by_rules = answer_to(host, expected, attack)
    assert code == '403' and by_rules, f'{attack} is answered with {code}{"" if by_rules else ", not by the rules"}'


@pytest.mark.parametrize(
    'what', [pytest.param(each, id=each, marks=violation(answered('X-Waf-Probe', f'{each} 200\n'))) for each in OTHERS]
)
@tiers('edge')
@clauses('22239-8.1.3.2-e', '22239-8.1.4.4-d')
def test_what_no_learner_asks_for_is_refused(host, expected, what):
    code, _ = answer_to(host, expected, what)
    assert code in OTHERS[what][1], f'{what} is answered with {code}'


@pytest.mark.parametrize(
    'what', [pytest.param(each, id=each, marks=violation(answered('X-Waf-Probe', f'{each} 403\n'))) for each in HONEST]
)
@tiers('edge')
@clauses('22239-8.1.3.2-e', 'cosha-5.1')
def test_an_honest_request_passes(host, expected, what):
    code, _ = answer_to(host, expected, what)
    assert code == '200', f'an honest {what} is answered with {code}'

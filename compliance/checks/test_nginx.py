"""nginx: what the front door, the shield and the origin answer, and how their processes are shut in."""

from __future__ import annotations

import pytest

from compliance.checking import clauses, not_verified, tiers, violation
from compliance.reading import units
from compliance.reading.pages import answer, plain_door, port
from compliance.reading.places import loose, shut
from compliance.reading.sockets import sockets_of
from compliance.violation import answered, mode, run, substitute, write

SETTINGS = '/etc/nginx/nginx.conf'
RELOAD = (
    'newest=$(pgrep -n -P $(cat /run/nginx.pid)); systemctl reload nginx.service; for each in $(seq 100); do '
    '[ "$(pgrep -n -P $(cat /run/nginx.pid))" != "$newest" ] && break; sleep 0.1; done'
)
"""Until the first process of the new settings is there: an edge reads its rules anew first."""

SOCKETS = 'ss -H -tulpn'


def changed(pattern, replacement):
    """Return the violation that nginx's settings say something else, loaded without an interruption."""
    return loaded(substitute(SETTINGS, pattern, replacement, RELOAD))


def loaded(planted):
    """Given a violation that reloads nginx, return it with the time until the old processes take nobody any more."""
    return run(planted.plant, planted.undo, settle_seconds=0.7)


def without(pattern):
    """Return the violation that lines of nginx's settings are not there."""
    return changed(f'^( *)({pattern})', '\\1# \\2')


@tiers('edge', 'app')
@clauses('22239-8.1.4.4-a', '22239-8.1.4.4-e')
@violation(changed('server_tokens off;', 'server_tokens on;'))
def test_nobody_is_told_which_version_serves(host, expected):
    server = answer(host, expected, 'page').headers.get('server', '')
    assert not any(letter.isdigit() for letter in server), f'the version is told: {server}'
    assert 'x-powered-by' not in answer(host, expected, 'page').headers, 'what it is built with is told'


@tiers('edge')
@clauses('22239-8.1.4.8-a', '22239-8.1.4.7-a', '22239-8.1.2.2-a')
@violation(without('add_header Strict-Transport-Security'))
def test_browsers_are_told_to_come_with_tls_only(host, expected):
    told = answer(host, expected, 'page').headers.get('strict-transport-security', '')
    seconds = [int(each.partition('=')[2]) for each in told.split(';') if each.strip().startswith('max-age')]
    assert seconds and seconds[0] >= 180 * 86400, f'Strict-Transport-Security: {told or "not there"}'


@tiers('edge')
@clauses('22239-8.1.4.4-a', '22239-8.1.2.2-a')
@pytest.mark.parametrize(
    ('header', 'word'),
    [
        pytest.param('permissions-policy', 'camera=()', id='permissions', marks=violation(
            without('add_header Permissions-Policy'))),
        pytest.param('x-content-type-options', 'nosniff', id='no-guessing', marks=violation(changed(
            'proxy_hide_header X-Powered-By;', 'proxy_hide_header X-Content-Type-Options;'))),
        pytest.param('x-frame-options', 'DENY', id='no-frames', marks=violation(changed(
            'proxy_hide_header X-Powered-By;', 'proxy_hide_header X-Frame-Options;'))),
    ],
)  # fmt: skip
def test_a_browser_is_told(host, expected, header, word):
    value = answer(host, expected, 'page').headers.get(header, '')
    assert word in value, f'{header} is {value or "not there"}'


@tiers('edge')
@clauses('22239-8.1.4.8-a', '22239-8.1.2.2-b')
@violation(changed('return 301 https://', 'return 302 http://'))
def test_plain_http_leads_to_tls(host, expected):
    said = plain_door(host)
    assert said.code in ('301', '308'), f'port 80 answers {said.code}'
    wanted = f'https://{expected.platform["front_door"]["name"]}'
    assert said.headers.get('location', '').startswith(wanted), f'it leads to {said.headers.get("location", "nowhere")}'


@tiers('edge')
@clauses('22239-8.1.4.4-e')
@pytest.mark.parametrize(
    ('what', 'codes'),
    [
        pytest.param('other-name', ('421',), id='another-name', marks=violation(changed('return 421;', 'return 204;'))),
        pytest.param(
            'trace', ('403', '405'), id='trace', marks=violation(answered('TRACE', '== trace\nHTTP/2 200 \n\n'))
        ),
        pytest.param(
            'large',
            ('413',),
            id='a-large-body',
            marks=violation(changed('client_max_body_size 1m;', 'client_max_body_size 9m;')),
        ),
        pytest.param(
            'signed',
            ('403', '404'),
            id='an-unsigned-film',
            marks=violation(
                loaded(
                    write(
                        '/etc/nginx/anlan-server.d/zz-planted.conf', 'location = /signed/1/x { return 204; }\n', RELOAD
                    )
                )
            ),
        ),
        pytest.param(
            'restricted',
            ('403', '404'),
            id='a-restricted-film',
            marks=violation(
                loaded(
                    write(
                        '/etc/nginx/anlan-server.d/zz-planted.conf',
                        'location = /restricted/x { return 204; }\n',
                        RELOAD,
                    )
                )
            ),
        ),
    ],
)
def test_what_nobody_may_is_refused(host, expected, what, codes):
    code = answer(host, expected, what).code
    assert code in codes, f'it is answered with {code or "nothing"}'


@tiers('app')
@clauses('22239-8.1.4.4-e', '22239-8.1.4.11-b')
@pytest.mark.parametrize(
    ('what', 'codes'),
    [
        pytest.param(
            'hidden',
            ('404', '403'),
            id='hidden-files',
            marks=violation(changed('location ~ /\\\\. \\{ return 404; \\}', 'location ~ /\\\\. { return 204; }')),
        ),
        pytest.param(
            'restricted',
            ('404', '403'),
            id='a-restricted-film',
            marks=violation(
                changed('location /restricted/ \\{ return 404; \\}', 'location /restricted/ { return 204; }')
            ),
        ),
        pytest.param(
            'large',
            ('413',),
            id='a-large-body',
            marks=violation(changed('client_max_body_size 1m;', 'client_max_body_size 9m;')),
        ),
        pytest.param(
            'trace', ('403', '405'), id='trace', marks=violation(answered('TRACE', '== trace\nHTTP/1.1 200 OK\n\n'))
        ),
    ],
)
def test_the_origin_refuses_what_nobody_may(host, expected, what, codes):
    code = answer(host, expected, what).code
    assert code in codes, f'it is answered with {code or "nothing"}'


@tiers('edge', 'app')
@clauses('22239-8.1.4.2-f', '22239-8.1.4.4-a')
@pytest.mark.parametrize(
    'path',
    [
        pytest.param('/etc/nginx', id='folder', marks=violation(mode('/etc/nginx', '0777'))),
        pytest.param(SETTINGS, id='settings', marks=violation(mode(SETTINGS, '0666'))),
    ],
)
def test_its_settings_are_changed_by_root_alone(host, expected, path):
    shut(host, expected, path, 0o022, 'root:root')


@tiers('edge', 'app', 'balancer', 'monitoring')
@clauses('22239-8.1.4.2-f')
@violation(
    run('touch /etc/nginx/anlan-planted && chmod 0666 /etc/nginx/anlan-planted', 'rm -f /etc/nginx/anlan-planted')
)
def test_no_file_of_its_settings_is_loose(host, expected):
    found = loose(host, expected, 'nginx')
    assert not found, '; '.join(found)


@tiers('balancer')
@clauses('22239-8.1.4.4-b', '22239-8.1.4.8-a')
@violation(
    changed(
        'listen 127.0.0.1:8480 backlog=1024;', 'listen 127.0.0.1:8480 backlog=1024; listen 127.0.0.1:8479; listen 8478;'
    )
)
def test_the_shield_is_reached_from_its_own_host_alone(host):
    found = [each for each in sockets_of(host.run(SOCKETS).stdout) if each.program == 'nginx']
    if not found:
        not_verified('nginx listens nowhere')
    wide = [str(each) for each in found if not each.loopback]
    assert not wide, ', '.join(wide)


@tiers('edge', 'app')
@clauses('22239-8.1.4.4-b')
@violation(answered('-tulpn', 'tcp LISTEN 0 9 0.0.0.0:8080 0.0.0.0:* users:(("nginx",pid=1,fd=1))\n'))
def test_nginx_listens_where_it_has_to(host, expected):
    wanted = {80, port(expected)} if expected.tier == 'edge' else {8443}
    found = {each.port for each in sockets_of(host.run(SOCKETS).stdout) if each.program == 'nginx'}
    if not found:
        not_verified('nginx listens nowhere')
    assert found <= wanted, f'it listens on {", ".join(map(str, sorted(found - wanted)))} too'


@tiers('edge', 'app', 'balancer')
@clauses('22239-8.1.4.4-a', '22239-8.1.4.2-d')
@pytest.mark.parametrize('name', units.shut_in('nginx'))
def test_the_unit_is_shut_in(host, expected, name):
    units.held(host, expected, 'nginx', name)


@tiers('edge', 'app', 'balancer')
@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('nginx', uid=0))
def test_who_serves_is_not_root(host, expected):
    units.without_root(host, expected, 'nginx', master=True)


@tiers('edge', 'app', 'balancer')
@clauses('22239-8.1.4.2-d')
@violation(units.answered_process('nginx', uid=33, rights=0))
def test_its_processes_cannot_come_to_more_rights(host, expected):
    units.confined(host, expected, 'nginx')


@tiers('edge', 'app', 'balancer')
@clauses('22239-8.1.4.4-a')
@violation(units.planted_unit('nginx'))
def test_it_runs_and_starts_by_itself(host, expected):
    units.running(host, expected, 'nginx')

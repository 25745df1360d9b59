"""Answers of services: pages, processes, tables of settings and spans of time are read as they are meant."""

import json

import pytest

from compliance.checks import test_etcd as etcd
from compliance.checks import test_journal as journal
from compliance.checks import test_nginx as nginx
from compliance.checks import test_patroni as patroni
from compliance.checks import test_valkey as valkey
from compliance.reading import units
from compliance.reading.pages import page_of
from compliance.reading.places import shut
from compliance.reading.valkey import pairs
from tests.unit.compliance.checks.asked import Asked, Said, cannot_judge, expected, fails

PROCESSES = (
    'nginx Uid:\t0\t0\t0\t0\nnginx NoNewPrivs:\t1\nnginx root /\n'
    'nginx child Uid:\t33\t33\t33\t33\nnginx child NoNewPrivs:\t1\n'
)


def test_the_head_of_a_page_is_read_with_headers_that_are_there_twice():
    page = page_of('HTTP/2 200 \r\nServer: nginx\r\nSet-Cookie: a=1; Secure\r\nset-cookie: b=2\r\n\r\n')
    assert page.code == '200'
    assert page.headers == {'server': 'nginx', 'set-cookie': 'a=1; Secure; b=2'}
    assert page_of('').code == ''


def test_a_page_that_nobody_answers_is_not_judged():
    cannot_judge(
        nginx.test_browsers_are_told_to_come_with_tls_only, Asked({'== page': '== page\n'}), expected('edge-1')
    )
    away = Asked({'== page': '== page\nHTTP/2 503 \n'})
    cannot_judge(nginx.test_browsers_are_told_to_come_with_tls_only, away, expected('edge-1'))
    short = Asked({'== page': '== page\nHTTP/2 200 \nstrict-transport-security: max-age=60\n'})
    fails(nginx.test_browsers_are_told_to_come_with_tls_only, short, expected('edge-1'), saying='max-age=60')


def test_a_first_process_may_be_roots_and_those_that_serve_may_not():
    units.without_root(Asked({'/status': PROCESSES}), expected('edge-1'), 'nginx', master=True)
    fails(units.without_root, Asked({'/status': PROCESSES}), expected('edge-1'), 'nginx', saying='run as root')
    rooted = PROCESSES.replace('33', '0')
    with pytest.raises(AssertionError):
        units.without_root(Asked({'/status': rooted}), expected('edge-1'), 'nginx', master=True)
    fails(units.confined, Asked({'/status': PROCESSES.replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0')}), expected('edge-1'),
          'nginx', saying='more rights')  # fmt: skip
    fails(units.confined, Asked({'/status': ''}), expected('edge-1'), 'nginx', saying='no process')


def test_a_unit_is_found_among_those_of_its_tier():
    told = Asked({'systemctl show': 'Id=haproxy.service\nPrivateTmp=yes\n\nId=nginx.service\nPrivateTmp=no\n'})
    units.held(told, expected('lb-1'), 'haproxy', 'PrivateTmp')
    fails(units.held, told, expected('lb-1'), 'nginx', 'PrivateTmp', saying='PrivateTmp is no')
    fails(units.held, told, expected('lb-1'), 'haproxy', 'LockPersonality', saying='not set')


@pytest.mark.parametrize(
    ('text', 'days'),
    [('180day', 180), ('26week', 182), ('6month', 182.64), ('15552000', 180), ('1day 12h', 1.5), ('0', 0)],
)
def test_a_span_of_time_is_read_as_systemd_writes_it(text, days):
    assert journal.days(text) == pytest.approx(days)


def test_of_several_settings_of_the_journal_the_last_one_holds():
    host = Asked({'cat-config': 'Storage=persistent\nMaxRetentionSec=180day\nStorage=volatile\n'})
    fails(journal.test_records_are_kept_on_disk, host, saying='volatile')
    journal.test_records_are_kept_as_long_as_the_law_asks(host, expected('fw-1'))


def test_a_journal_without_records_is_not_judged_and_an_old_one_is_a_failure():
    cannot_judge(journal.test_records_are_written_now, Asked({'systemd-journald.service': 'now 9\n'}))
    old = Asked({'systemd-journald.service': 'record {"__REALTIME_TIMESTAMP": "1000000000"}\nnow 3000\n'})
    fails(journal.test_records_are_written_now, old, saying='2000 s old')


def test_a_stranger_whom_patroni_lets_in_is_found_and_silence_is_no_refusal():
    check = patroni.test_a_stranger_changes_nothing
    check(Asked({'http_code': 'PATCH config 401\n'}), expected('db-1'), 'PATCH config')
    fails(check, Asked({'http_code': 'PATCH config 200\n'}), expected('db-1'), 'PATCH config', saying='with 200')
    cannot_judge(check, Asked({'http_code': 'PATCH config 000\n'}), expected('db-1'), 'PATCH config')


def test_members_of_one_fault_domain_are_not_enough():
    every = [
        {'name': 'db-1', 'role': 'leader', 'state': 'running'},
        {'name': 'db-2', 'role': 'replica', 'state': 'stopped'},
    ]
    host = Asked({':8008/cluster': json.dumps({'members': every}) + '\n{}\n'})
    fails(patroni.test_members_at_work_stand_in_different_fault_domains, host, expected('db-1'), saying='fault domain')


def test_etcd_that_answers_without_a_certificate_is_found_and_a_timeout_is_no_refusal():
    check = etcd.test_who_has_no_certificate_of_ours_is_refused
    check(Asked({'in 2379 2380': '2379 000 56\n2380 000 35\n'}), expected('db-1'), '2379')
    fails(check, Asked({'in 2379 2380': '2379 200 0\n'}), expected('db-1'), '2379', saying='answers 200')
    cannot_judge(check, Asked({'in 2379 2380': '2379 000 28\n'}), expected('db-1'), '2379')


def test_a_user_of_the_cache_without_a_password_is_found():
    said = '-- ACL LIST\nuser default on nopass ~* +@all\nuser anlan on #hidden ~* +@all\n'
    fails(valkey.test_every_user_has_a_password, Asked({'ACL LIST': said}), 'valkey', saying='default')
    assert pairs(['port', '0', 'save', '']) == {'port': '0', 'save': ''}
    cannot_judge(valkey.test_there_is_no_user_but_those_declared, Asked({'ACL LIST': Said('', 124)}), 'valkey')


def test_a_call_that_the_application_may_is_found():
    said = '-- ACL LIST\n-- ACL DRYRUN default FLUSHALL\n{}\n'
    check = valkey.test_the_application_may_not
    check(
        Asked({'ECHO': said.format("User default has no permissions to run the 'flushall' command")}),
        'valkey',
        'FLUSHALL',
    )
    fails(check, Asked({'ECHO': said.format('OK')}), 'valkey', 'FLUSHALL', saying='may FLUSHALL')
    cannot_judge(check, Asked({'ECHO': said.format('')}), 'valkey', 'FLUSHALL')


def test_a_file_that_is_open_to_others_or_not_there_is_found():
    host = Asked({'stat -L': '640 root:postgres /etc/patroni/config.yml\nmembers\nend\n'})
    shut(host, expected('db-1'), '/etc/patroni/config.yml', 0o137, 'root:postgres')
    fails(shut, host, expected('db-1'), '/etc/patroni/config.yml', 0o177, saying='mode 640')
    fails(shut, host, expected('db-1'), '/nowhere', 0o177, saying='not there')
    cannot_judge(shut, Asked({'stat -L': '640 root:root /x\n'}), expected('db-1'), '/x', 0)

"""The program that counts what the limits hold back: what is not known is never a quiet 0."""

from __future__ import annotations

import grp
import importlib.util
import json
import os
import socket
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from anlan.paths import ROOT

PROGRAM = ROOT / 'playbooks' / 'roles' / 'flood_guard' / 'files' / 'limits-watch'


@pytest.fixture(scope='module')
def program() -> ModuleType:
    loader = SourceFileLoader('limits_watch', str(PROGRAM))
    spec = importlib.util.spec_from_loader('limits_watch', loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def counters(**packets: int) -> str:
    entries = [{'counter': {'table': 'anlan_limits', 'name': name, 'packets': n}} for name, n in packets.items()]
    other = {'counter': {'table': 'another', 'name': 'syns', 'packets': 7}}
    return json.dumps({'nftables': [{'metainfo': {}}, *entries, other]})


def test_counters_of_our_table_alone_are_taken(program: ModuleType) -> None:
    assert program.counters_of(counters(syns=3, connections=0)) == {'syns': 3, 'connections': 0}


def test_requests_that_haproxy_refused_are_found_by_their_backend(program: ModuleType) -> None:
    text = '# pxname,svname,dreq,\nhttps,FRONTEND,9,\ntoo_many_requests,BACKEND,128,\n\n'
    assert program.refused_by_haproxy(text) == 128
    with pytest.raises(ValueError, match='no backend'):
        program.refused_by_haproxy('# pxname,svname,dreq,\nhttps,FRONTEND,9,\n')


def test_cookies_are_read_from_the_kernel(program: ModuleType) -> None:
    assert program.cookies_sent('TcpExt: SyncookiesSent SyncookiesRecv\nTcpExt: 5504 2\nIpExt: A\nIpExt: 1\n') == 5504
    with pytest.raises(ValueError, match='TcpExt'):
        program.cookies_sent('IpExt: A\n')


def test_without_the_table_it_is_not_in_force_and_no_count_stands_there(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone() -> str:
        raise OSError('No such file or directory')

    monkeypatch.setattr(program, 'ask_nft', gone)
    sight = program.Sight()
    for _ in range(2):
        text = program.text_of(program.look(sight, True, None, None))
    assert 'anlan_limits_in_force{part="network"} 0' in text
    assert 'anlan_limits_dropped_total' not in text
    assert capsys.readouterr().err.count('could not be read') == 1
    monkeypatch.setattr(program, 'ask_nft', lambda: counters(syns=5))
    text = program.text_of(program.look(sight, True, None, None))
    assert 'anlan_limits_in_force{part="network"} 1' in text
    assert 'anlan_limits_dropped_total{limit="syns"} 5' in text


def test_datagrams_of_nginx_are_counted_by_what_was_done_and_nonsense_is_not(
    program: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / 'acted'
    file.touch()  # left by a run that was killed
    acts = program.Acts(file, grp.getgrgid(os.getgid()).gr_name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nginx:
        for word in ('refused', 'refused', 'slow', 'delayed', 'nonsense', 'ref\xff'):
            nginx.sendto(f'<190>Nov 25 12:00:00 limits: {word}'.encode('latin-1'), str(file))
    acts.listen_until(time.monotonic() + 0.2)
    assert acts.counts == {'refused': 2, 'delayed': 1, 'slow': 1}
    assert file.stat().st_mode & 0o777 == 0o660


def test_a_file_is_replaced_as_a_whole_and_everybody_may_read_it(program: ModuleType, tmp_path: Path) -> None:
    program.write(tmp_path / 'limits.prom', 'a 1\n')
    assert (tmp_path / 'limits.prom').read_text() == 'a 1\n'
    assert (tmp_path / 'limits.prom').stat().st_mode & 0o777 == 0o644
    assert [file.name for file in tmp_path.iterdir()] == ['limits.prom']

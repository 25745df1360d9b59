"""Each rule of ours, with Suricata itself and a firewall's settings: its attack fires it, ordinary traffic does not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from anlan.paths import cache_directory
from infra.images import image_tag
from infra.images.build import ensure_images
from tests.contract.intrusion.rendering import RULES, write_sensors
from tests.contract.intrusion.traffic import capture

SAMPLES: dict[int, dict[str, list[dict[str, Any]]]] = yaml.safe_load(
    (Path(__file__).parent / 'intrusion' / 'samples.yaml').read_text(encoding='utf-8')
)
RULE = re.compile(r'^(?:alert|drop) .*priority:(\d).*sid:(\d+);', re.MULTILINE)
RUN_SECONDS = 300
# One Suricata after the other in one container: starting a container takes longer than reading a capture.
READ_ALL = """
mkdir -p /run/anlan/intrusion
cd /sensors
for file in *.pcap; do
    sensor=${file%%-*}
    mkdir -p "out/$file"
    suricata -c "$sensor.yaml" -S "$sensor.rules" -r "$file" -l "out/$file" --runmode single -k none \
        --init-errors-fatal \
        --set outputs.0.eve-log.filetype=regular --set outputs.0.eve-log.filename=eve.json \
        --set outputs.1.eve-log.enabled=no > "out/$file/said" 2>&1 || echo "$?" > "out/$file/failed"
done
chmod -R a+rwX out
"""


def rules_of(folder: Path) -> dict[int, tuple[str, int]]:
    """Given the folder of the sensors, return each rule's sensor and priority by its number."""
    return {
        int(number): (sensor, int(priority))
        for sensor in RULES
        for priority, number in RULE.findall((folder / f'{sensor}.rules').read_text(encoding='utf-8'))
    }


@pytest.fixture(scope='module')
def sensors(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[int]]]:
    """The sensors' folder, and which rules each capture fired: `inline-9010001-attack` and so on."""
    folder = tmp_path_factory.mktemp('sensors')
    folder.chmod(0o777)
    addresses = write_sensors(folder)
    rules = rules_of(folder)
    for number, sample in SAMPLES.items():
        for kind, conversations in sample.items():
            capture(conversations, addresses, folder / f'{rules[number][0]}-{number}-{kind}.pcap')
    run(folder, READ_ALL)
    fired: dict[str, set[int]] = {}
    for out in (folder / 'out').iterdir():
        assert not (out / 'failed').exists(), (out / 'said').read_text()
        lines = (out / 'eve.json').read_text().splitlines() if (out / 'eve.json').exists() else []
        fired[out.name.removesuffix('.pcap')] = {json.loads(line)['alert']['signature_id'] for line in lines}
    return folder, fired


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    tag = ensure_images(['firewall'], cache_directory() / 'packages', print)['firewall']
    assert tag == image_tag('firewall')
    command = ['docker', 'run', '--rm', '--network', 'none', '--volume', f'{folder}:/sensors', tag, 'sh', '-c', script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_every_rule_has_samples_and_every_sample_a_rule(sensors: tuple[Path, dict[str, set[int]]]) -> None:
    assert set(rules_of(sensors[0])) == set(SAMPLES)
    assert all(set(sample) == {'attack', 'normal'} and all(sample.values()) for sample in SAMPLES.values())


@pytest.mark.parametrize('number', sorted(SAMPLES))
def test_an_attack_fires_its_rule(sensors: tuple[Path, dict[str, set[int]]], number: int) -> None:
    sensor = rules_of(sensors[0])[number][0]
    assert number in sensors[1][f'{sensor}-{number}-attack']


@pytest.mark.parametrize('number', sorted(SAMPLES))
def test_ordinary_traffic_does_not(sensors: tuple[Path, dict[str, set[int]]], number: int) -> None:
    sensor = rules_of(sensors[0])[number][0]
    assert number not in sensors[1][f'{sensor}-{number}-normal']


def test_each_part_of_an_attack_alone_fires_its_rule(tmp_path: Path) -> None:
    """A rule with several forms of an attack must know each of them, not one of them."""
    tmp_path.chmod(0o777)
    addresses = write_sensors(tmp_path)
    rules = rules_of(tmp_path)
    forms = {
        f'{rules[number][0]}-{number}-{index}': [conversation]
        for number, sample in SAMPLES.items()
        if len(sample['attack']) > 1
        for index, conversation in enumerate(sample['attack'])
    }
    for name, conversations in forms.items():
        capture(conversations, addresses, tmp_path / f'{name}.pcap')
    run(tmp_path, READ_ALL)
    for name in forms:
        number = int(name.split('-')[1])
        text = (tmp_path / 'out' / f'{name}.pcap' / 'eve.json').read_text()
        assert number in {json.loads(line)['alert']['signature_id'] for line in text.splitlines()}, name


def test_a_rule_that_is_taken_out_is_missed(tmp_path: Path) -> None:
    """The test itself says no: without its rule an attack fires nothing."""
    tmp_path.chmod(0o777)
    addresses = write_sensors(tmp_path)
    number = 9020007
    file = tmp_path / 'inline.rules'
    file.write_text(''.join(line for line in file.read_text().splitlines(keepends=True) if f'sid:{number}' not in line))
    capture(SAMPLES[number]['attack'], addresses, tmp_path / f'inline-{number}.pcap')
    run(tmp_path, READ_ALL)
    out = tmp_path / 'out' / f'inline-{number}.pcap' / 'eve.json'
    assert not out.exists() or str(number) not in out.read_text()


TRY = 'cd /sensors; suricata -T -c inline.yaml -S "{rules}" -l /tmp --init-errors-fatal > said 2>&1; echo $? > code'


@pytest.mark.parametrize(
    ('rules', 'taken'),
    [
        # Of every protocol that Suricata knows, as a set that somebody else makes is.
        ('/sensors/package.rules', True),
        ('/sensors/broken.rules', False),
    ],
)
def test_a_set_of_others_is_taken_and_a_broken_one_is_refused(tmp_path: Path, rules: str, taken: bool) -> None:
    tmp_path.chmod(0o777)
    write_sensors(tmp_path)
    (tmp_path / 'broken.rules').write_text('alert tcp any any -> any any (msg:"no end" sid:1;\n')
    run(tmp_path, 'cat /etc/suricata/rules/*.rules > /sensors/package.rules\n' + TRY.format(rules=rules))
    assert (tmp_path / 'package.rules').read_text().count('\nalert ') > 300
    assert ((tmp_path / 'code').read_text().strip() == '0') is taken, (tmp_path / 'said').read_text()

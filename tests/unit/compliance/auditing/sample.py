"""A platform of two hosts that answer what a table says."""

from pathlib import Path

from compliance.answer import Answer, Silence

CHECKS = Path(__file__).parent / 'checks'
OUTPUTS = {
    'variables': {'platform': {'name': 'sample', 'hardening': {}}},
    'hosts': {'app-1': {'tier': 'app'}, 'db-1': {'tier': 'data'}, 'client-1': {'tier': 'client'}},
}
HOSTS = ('app-1', 'db-1')
CONTAINER = 'systemd-detect-virt --container'


def answer(command, out='', code=0):
    return Answer(command, code, out, '', '2026-11-25T00:00:00+00:00', 0.01)


class Platform:
    """Answers commands by host; `says` changes what is said, `silent` hosts do not answer. Keeps every batch."""

    def __init__(self, silent=(), **says):
        self.silent = set(silent)
        self.says = says
        self.batches = []

    def fetch(self, commands):
        self.batches.append(commands)
        return {
            host: Silence(f'{host}: no route') if host in self.silent
            else {command: self.reply(host, command) for command in every}
            for host, every in commands.items()
        }  # fmt: skip

    def reply(self, host, command):
        if command == CONTAINER:
            container = self.says.get('container', False)
            return answer(command, 'docker' if container else 'none', 0 if container else 1)
        told = {'greet': 'hello', 'name': host, f'greet {host}': f'hello {host}', 'kernel': 'hello'} | self.says
        return answer(command, told.get(command, ''))

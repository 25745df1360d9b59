#!/usr/bin/python3
"""Module: a whole list of files in one round; what may lock us out is changed under the guard."""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: anlan_files
short_description: Holds a list of files, reloads what reads them, and guards what may lock us out
description:
  - Each file is compared by its SHA-256, mode and owner; only what differs is written, each at once (a rename).
  - Before a file below one of O(guard.trees) is changed, the guard on the host saves the old state and sets a timer.
    The controller confirms by a log-in of its own (action plugin of the same name); else the host undoes the change.
options:
  files:
    description: >-
      Each has C(path), C(state) (C(file), C(absent), C(directory) or C(link)), and as fits C(template), C(source) (a
      file of the role) or C(text), C(mode), C(owner), C(group), C(target), C(validate) (a command with C(%s)), C(then)
      (names in O(commands)) and C(where) (C(machine), which is not in a container).
    type: list
    elements: dict
    required: true
  commands:
    description: >-
      By name, C(check) (commands that must succeed after the writing), C(run) (commands that let the change take hold)
      and C(where).
    type: dict
    default: {}
  run_all:
    description: Run every command, changed or not, because the last run was cut off.
    type: bool
    default: false
  guard:
    description: C(program), C(seconds), C(trees); without it nothing is guarded.
    type: dict
  undo:
    description: Take back the last confirmed change in place of holding files; it is confirmed as any other.
    type: bool
    default: false
author: [Anlan]
"""

COMMAND_SECONDS = 90
UNLOADED = '/var/lib/anlan/unloaded.json'
"""Names of commands that a run wrote files for and, cut off, did not come to: the next run runs them."""
LARGEST_DIFF_BYTES = 65536


class Failure(Exception):
    """What could not be done."""


def run(argv, seconds=COMMAND_SECONDS):
    """Run a command. Raise Failure with its last words if it fails or takes too long."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f'{" ".join(argv[:3])}: {error}') from None
    if done.returncode != 0:
        raise Failure(f'{" ".join(argv[:4])}: {(done.stderr or done.stdout).strip()[-800:] or done.returncode}')
    return done.stdout


class File:
    """One file as it should be, and as it is."""

    def __init__(self, wanted):
        self.path = wanted['path']
        self.state = wanted.get('state', 'file')
        self.content = base64.b64decode(wanted['content']) if self.state == 'file' else b''
        self.target = wanted.get('target')
        self.mode = int(str(wanted.get('mode') or ('0755' if self.state == 'directory' else '0644')), 8)
        self.owner = wanted.get('owner') or 'root'
        self.group = wanted.get('group') or 'root'
        self.validate = wanted.get('validate')
        self.then = wanted.get('then') or []
        self.before = b''

    def differs(self):
        """Return why this file is not as it should be, or None."""
        try:
            about = os.lstat(self.path)
        except FileNotFoundError:
            return None if self.state == 'absent' else 'is missing'
        if self.state == 'absent':
            self.before = self._read(about)
            return 'is there'
        if self.state == 'link':
            if not stat.S_ISLNK(about.st_mode):
                return 'is no link'
            return None if os.readlink(self.path) == self.target else 'leads elsewhere'
        if stat.S_IFMT(about.st_mode) != (stat.S_IFDIR if self.state == 'directory' else stat.S_IFREG):
            return 'is of another kind'
        if self.state == 'file':
            self.before = self._read(about)
            if hashlib.sha256(self.before).digest() != hashlib.sha256(self.content).digest():
                return 'has another content'
        if stat.S_IMODE(about.st_mode) != self.mode:
            return f'has the mode {stat.S_IMODE(about.st_mode):04o}'
        # An account that is only made later (in check mode) owns nothing yet.
        try:
            owners = (pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid)
        except KeyError:
            return 'has an owner that is not there'
        return None if (about.st_uid, about.st_gid) == owners else 'has another owner'

    def _read(self, about):
        if not stat.S_ISREG(about.st_mode):
            return b''
        with open(self.path, 'rb') as stream:
            return stream.read()

    def check(self):
        """Try the content before anything is written. Raise Failure if it is refused."""
        if self.state != 'file' or not self.validate:
            return
        with tempfile.NamedTemporaryFile(prefix='anlan-', suffix='.try') as stream:
            stream.write(self.content)
            stream.flush()
            try:
                run([part.replace('%s', stream.name) for part in self.validate])
            except Failure as error:
                raise Failure(f'{self.path} is refused and nothing was written: {error}') from None

    def write(self):
        """Make the file so: at once, never half."""
        folder = os.path.dirname(self.path)
        if self.state == 'absent':
            if os.path.isdir(self.path) and not os.path.islink(self.path):
                raise Failure(f'{self.path} is a folder; it is not removed')
            os.unlink(self.path)
            return
        os.makedirs(folder, mode=0o755, exist_ok=True)
        if self.state == 'directory':
            os.makedirs(self.path, mode=self.mode, exist_ok=True)
            os.chown(self.path, pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid)
            os.chmod(self.path, self.mode)
            return
        new = os.path.join(folder, f'.{os.path.basename(self.path)}.anlan~')
        if os.path.lexists(new):
            os.unlink(new)
        if self.state == 'link':
            os.symlink(self.target, new)
        else:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, 'wb') as stream:
                stream.write(self.content)
                os.fchown(descriptor, pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid)
                os.fchmod(descriptor, self.mode)
                stream.flush()
                os.fsync(descriptor)
        os.replace(new, self.path)

    def difference(self, reason):
        """Return what Ansible shows of the change."""
        texts = []
        for content in (self.before, self.content):
            try:
                texts.append(content[:LARGEST_DIFF_BYTES].decode())
            except UnicodeDecodeError:
                texts.append('(not text)\n')
        return {
            'before_header': f'{self.path} ({reason})',
            'after_header': f'{self.path} ({self.state}, {self.mode:04o})',
            'before': texts[0],
            'after': texts[1],
        }


def read_owed():
    """Return the names of commands that an earlier run did not come to."""
    try:
        with open(UNLOADED, encoding='utf-8') as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return []


def write_owed(names):
    """Note which commands are still to be run."""
    if not names:
        if os.path.exists(UNLOADED):
            os.unlink(UNLOADED)
        return
    os.makedirs(os.path.dirname(UNLOADED), exist_ok=True)
    with open(UNLOADED + '.new', 'w', encoding='utf-8') as stream:
        json.dump(sorted(names), stream)
    os.replace(UNLOADED + '.new', UNLOADED)


def guarded(path, guard):
    return any(path == tree or path.startswith(tree.rstrip('/') + '/') for tree in guard['trees'])


def hold(module):
    """Make it all so, and return the result. Raise Failure; what was armed is undone at once then."""
    parameters = module.params
    commands, guard = parameters['commands'], parameters['guard']
    # A container's kernel, audit, mounts and swap are the machine's: what is of those is left out there, and listed.
    container = os.path.exists('/run/systemd/container')
    left_out = [one['path'] for one in parameters['files'] if container and one.get('where') == 'machine']
    files = [File(one) for one in parameters['files'] if one['path'] not in left_out]
    commands = {name: one for name, one in commands.items() if not (container and one.get('where') == 'machine')}
    differing = [(file, reason) for file in files if (reason := file.differs()) is not None]
    owed = set(read_owed())
    names = [
        name
        for name in commands
        if parameters['run_all'] or name in owed or any(name in file.then for file, _ in differing)
    ]
    # A change that a run before armed and did not confirm is undone by the host soon, unless this run confirms it.
    left = bool(guard) and os.path.exists(os.path.join(guard['state'], 'pending/armed.json'))
    result = {
        'changed': bool(differing or left or names),
        'files': [f'{file.path} {reason}' for file, reason in differing],
        'commands': names,
        'left_out': left_out,
        'armed': False,
        'diff': [file.difference(reason) for file, reason in differing] if module._diff else [],
    }
    if module.check_mode or not result['changed']:
        return result
    for file, _ in differing:
        file.check()
    write_owed(owed | set(names))
    risky = left or (bool(guard) and any(guarded(file.path, guard) for file, _ in differing))
    if risky:
        run([guard['program'], 'arm', '--seconds', str(guard['seconds']), '--token', guard['token']])
        result['armed'] = True
    try:
        for file, _ in differing:
            file.write()
        for name in names:
            for argv in commands[name].get('check', []):
                run(argv)
        for name in names:
            for argv in commands[name].get('run', []):
                run(argv)
        write_owed(owed - set(names))
    except (Failure, OSError, KeyError) as error:
        if not risky:
            raise Failure(str(error)) from None
        try:
            run([guard['program'], 'revert'])
        except Failure as further:
            raise Failure(f'{error}; and the old state is not back yet: {further}') from None
        raise Failure(f'{error}; the old state is back') from None
    return result


def undo(module):
    """Take back the last confirmed change, and return the result. Raise Failure if that cannot be."""
    guard = module.params['guard']
    if not os.path.exists(guard['program']):
        return {'changed': False, 'files': [], 'armed': False}
    last = json.loads(run([guard['program'], 'status']))['confirmed']
    if last is None or module.check_mode:
        return {'changed': last is not None, 'files': (last or {}).get('changed', []), 'armed': False}
    run([guard['program'], 'undo', '--seconds', str(guard['seconds']), '--token', guard['token']])
    return {'changed': True, 'files': last['changed'], 'armed': True}


def main():
    module = AnsibleModule(
        argument_spec={
            'files': {'type': 'list', 'elements': 'dict', 'required': True},
            'commands': {'type': 'dict', 'default': {}},
            'run_all': {'type': 'bool', 'default': False},
            'guard': {'type': 'dict'},
            'undo': {'type': 'bool', 'default': False},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**(undo(module) if module.params['undo'] else hold(module)))
    except (Failure, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == '__main__':
    main()

"""Runs on a host, as root: what its PAM stacks answer, without a log-in and without a password that changes.

`lockout USER FAILURES SERVICE…` lets so many log-ins of the user fail, and says for each service whether a right
password is taken before, after, and once the count is put back. `passwords USER WORD…` says which words would be taken
as a new password.
What keeps passwords (and stands for the right one) is replaced by pam_permit in a copy of the stacks.
"""

import ctypes
import fcntl
import json
import pathlib
import re
import subprocess
import sys
import tempfile
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_void_p, cast

PAM, LIBC = ctypes.CDLL('libpam.so.0'), ctypes.CDLL('libc.so.6')
LIBC.calloc.restype = LIBC.strdup.restype = c_void_p
PAM.pam_start_confdir.argtypes = [c_char_p, c_char_p, c_void_p, c_char_p, c_void_p]
PAM.pam_set_item.argtypes = [c_void_p, c_int, c_void_p]
for each in (PAM.pam_authenticate, PAM.pam_chauthtok, PAM.pam_end):
    each.argtypes = [c_void_p, c_int]
PAM_FAIL_DELAY, ASKS = 10, (1, 2)


class Message(Structure):
    _fields_ = [('style', c_int), ('text', c_char_p)]


class Response(Structure):
    _fields_ = [('text', c_void_p), ('code', c_int)]


TALK = CFUNCTYPE(c_int, c_int, POINTER(POINTER(Message)), POINTER(POINTER(Response)), c_void_p)
AT_ONCE = CFUNCTYPE(None, c_int, ctypes.c_uint, c_void_p)(lambda code, microseconds, data: None)


class Conversation(Structure):
    _fields_ = [('talk', TALK), ('data', c_void_p)]


def ask(folder, service, user, word, call):
    asked = []

    def talk(count, messages, responses, data):
        responses[0] = cast(LIBC.calloc(count, ctypes.sizeof(Response)), POINTER(Response))
        for number in range(count):
            message = messages[number].contents
            if message.style in ASKS:
                asked.append((message.text or b'').decode())
                responses[0][number].text = LIBC.strdup(word.encode())
        return 0

    handle, conversation = c_void_p(), Conversation(TALK(talk), None)
    code = PAM.pam_start_confdir(service.encode(), user.encode(), byref(conversation), folder.encode(), byref(handle))
    if code:
        return code, asked
    PAM.pam_set_item(handle, PAM_FAIL_DELAY, cast(AT_ONCE, c_void_p))
    code = call(handle, 0)
    PAM.pam_end(handle, code)
    return code, asked


def lines(service, kind):
    """Every line of a service's stack of one kind, what it includes in its place."""
    found = []
    for line in pathlib.Path('/etc/pam.d', service).read_text().replace('\\\n', ' ').splitlines():
        words = line.partition('#')[0].split()
        if words and words[0] == '@include':
            found += lines(words[1], kind)
        elif words and words[0].lstrip('-') == kind:
            found += lines(words[2], kind) if words[1] in {'include', 'substack'} else [' '.join(words)]
    return found


def copied(folder, service, kind):
    """Write the stack with pam_permit in place of what keeps secrets; nothing else that may write is left in it."""
    secret, harmless = (
        re.compile(r'\bpam_(unix|pwhistory|google_authenticator|sss|ldap)\.so.*'),
        r'\bpam_(permit|deny|pwquality|faillock|faildelay|nologin|group|wheel|succeed_if|rootok)\.so',
    )
    stack = [secret.sub('pam_permit.so', line) for line in lines(service, kind)]
    strange = [line for line in stack if not re.search(harmless, line)]
    if strange:
        sys.exit(f'not tried, for what this module does is not known: {strange[0]}')
    pathlib.Path(folder, service).write_text('\n'.join(stack) + '\n')


def shut(folder, user, failures, service):
    copied(folder, service, 'auth')
    reset = ['faillock', '--user', user, '--reset']
    subprocess.run(reset, capture_output=True, check=False)
    right = [ask(folder, service, user, 'right', PAM.pam_authenticate)[0]]
    try:
        wrong = [ask('/etc/pam.d', service, user, 'wrong', PAM.pam_authenticate) for _ in range(int(failures))]
        right.append(ask(folder, service, user, 'right', PAM.pam_authenticate)[0])
    finally:
        subprocess.run(reset, capture_output=True, check=False)
    right.append(ask(folder, service, user, 'right', PAM.pam_authenticate)[0])
    return {
        'right_before': right[0], 'right_after': right[1], 'right_again': right[2],
        'wrong': [code for code, _ in wrong], 'asked': sorted({text for _, every in wrong for text in every}),
    }  # fmt: skip


def lockout(folder, user, failures, *services):
    # One count a user: whoever asks at the same time waits.
    with open('/run/anlan-pam-probe.lock', 'w') as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        return {service: shut(folder, user, failures, service) for service in services}


def passwords(folder, user, *words):
    copied(folder, 'passwd', 'password')
    return {word: ask(folder, 'passwd', user, word, PAM.pam_chauthtok)[0] for word in words}


with tempfile.TemporaryDirectory() as copies:
    what = {'lockout': lockout, 'passwords': passwords}[sys.argv[1]]
    print(json.dumps(what(copies, *sys.argv[2:])))

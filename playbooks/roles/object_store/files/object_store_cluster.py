"""The cluster below the store: one monitor, one disk (a file), one gateway. A making that was cut off goes on."""

import json
import os
import pwd
import shutil
import subprocess
import time

MONITOR = '/var/lib/ceph/mon/ceph-a'
DISK = '/var/lib/ceph/osd/ceph-0'
GATEWAY = '/var/lib/ceph/radosgw/ceph-gateway'
ADMINISTRATION = '/etc/ceph/ceph.client.admin.keyring'
UNITS = {part: f'anlan-object-store-{part}.service' for part in ('monitor', 'disk', 'gateway')}
COMMAND_SECONDS = 60
# BlueStore stops for good when the room below it ends in the middle of a write; so it is not begun with less.
LEAST_FREE_BYTES = 256 * 1024 * 1024


class NotReadyError(Exception):
    """What is waited for has not come; the message says what that is."""


class StoreError(Exception):
    """What is wrong and does not go away by waiting; the message says what to do."""


def run(argv, stdin=None, seconds=COMMAND_SECONDS, user=None):
    """Run a command and return what it prints. Raise NotReadyError with its last words if it fails or is too slow."""
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=max(1, seconds), check=False, user=user,
            group=user, extra_groups=[] if user else None, cwd='/',
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotReadyError(f'{" ".join(argv[:3])}: {error}') from None
    if done.returncode != 0:
        words = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise NotReadyError(f'{" ".join(argv[:3])}: {" / ".join(words[-3:]) or done.returncode}')
    return done.stdout


def ceph(*words, stdin=None):
    """Ask the monitor; return its answer as data. Raise NotReadyError."""
    text = run(['ceph', '--connect-timeout', '10', *words, '--format', 'json'], stdin, seconds=25)
    return json.loads(text) if text.strip() else None


def is_active(part):
    """Return whether the unit of a part runs."""
    return subprocess.run(['systemctl', 'is-active', '-q', UNITS[part]], check=False).returncode == 0


def own(path):
    """Give a tree to the user `ceph`."""
    user = pwd.getpwnam('ceph')
    os.chown(path, user.pw_uid, user.pw_gid)
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            os.lchown(os.path.join(folder, name), user.pw_uid, user.pw_gid)


def made():
    """Return, by part, whether it was made to the end."""
    return {
        'monitor': os.path.exists(f'{MONITOR}/keyring'),
        'disk': os.path.exists(f'{DISK}/mkfs_done'),
        'gateway': os.path.exists(f'{GATEWAY}/keyring'),
    }


def make_monitor(settling):
    """Make the monitor's store with fresh keys. Raise StoreError if a disk is there whose monitor is gone."""
    if made()['disk']:
        raise StoreError(
            f'{MONITOR} is gone, but {DISK} has objects: nothing is made over it; put {MONITOR} back from a copy '
            'of this host, or rebuild it from the disk (ceph-objectstore-tool --op update-mon-db), then run this again'
        )
    new = f'{MONITOR}.new'
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(MONITOR, ignore_errors=True)
    os.makedirs(new, mode=0o700)
    keys, monitors = (os.path.join(os.path.dirname(MONITOR), name) for name in ('.keys', '.monitors'))
    try:
        with open(os.open(keys, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), 'wb'):
            pass
        run(['ceph-authtool', keys, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
        run([
            'ceph-authtool', keys, '--gen-key', '-n', 'client.admin', '--cap', 'mon', 'allow *',
            '--cap', 'osd', 'allow *',
        ])  # fmt: skip
        run([
            'monmaptool', '--create', '--clobber', '--addv', 'a', '[v2:127.0.0.1:3300]', '--fsid',
            settling.wanted['identity'], monitors,
        ])  # fmt: skip
        user = pwd.getpwnam('ceph')
        for path in (new, keys, monitors):
            os.chown(path, user.pw_uid, user.pw_gid)
        run(
            ['ceph-mon', '--mkfs', '--id', 'a', '--mon-data', new, '--monmap', monitors, '--keyring', keys],
            user='ceph',
        )
        if not os.path.exists(f'{new}/keyring'):
            raise NotReadyError(f'ceph-mon made no store in {new}')
        os.rename(new, MONITOR)
    finally:
        for path in (keys, monitors):
            if os.path.exists(path):
                os.unlink(path)


def have_administration_key():
    """Write the administrator's key for root where it is missing: the monitor gives it to who reads its own."""
    if os.path.exists(ADMINISTRATION):
        return
    text = run([
        'ceph', '--connect-timeout', '10', '--name', 'mon.', '--keyring', f'{MONITOR}/keyring', 'auth', 'get',
        'client.admin',
    ])  # fmt: skip
    write_key(ADMINISTRATION, text, 0, 0)


def write_key(path, text, user, group):
    """Write a key at once, for its user alone."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = path + '.new'
    with open(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), 'w', encoding='ascii') as stream:
        stream.write(text)
        os.fchown(stream.fileno(), user, group)
        os.fsync(stream.fileno())
    os.replace(new, path)


def make_disk(settling):
    """Make the disk's file and its key. What a making that was cut off left is removed: it never held an object."""
    user = pwd.getpwnam('ceph')
    room_for(settling.wanted['disk_bytes'])
    shutil.rmtree(DISK, ignore_errors=True)
    os.makedirs(DISK, mode=0o700)
    ceph('osd', 'new', settling.wanted['identity'], '0')
    text = run([
        'ceph', '--connect-timeout', '10', 'auth', 'get-or-create', 'osd.0', 'mon', 'allow profile osd',
        'osd', 'allow *',
    ])  # fmt: skip
    write_key(f'{DISK}/keyring', text, user.pw_uid, user.pw_gid)
    own(DISK)
    run(['ceph-osd', '--mkfs', '--id', '0', '--osd-uuid', settling.wanted['identity']], seconds=120, user='ceph')


def room_for(size):
    """Raise StoreError if the file system below could not hold a disk of this size: a sparse one fills up later."""
    place = os.statvfs('/var/lib/ceph')
    try:
        held = os.stat(f'{DISK}/block').st_blocks * 512
    except OSError:
        held = 0
    free = place.f_bavail * place.f_frsize
    if free + held < size + LEAST_FREE_BYTES:
        raise StoreError(
            f'/var/lib/ceph has {free // 2**20} MiB free, and a disk of {size // 2**20} MiB is wanted; '
            'free room there or set a smaller object_store_disk_gib'
        )


def grow_disk(settling):
    """Grow the disk's file to the size that is wanted. Raise StoreError if it is larger: it cannot be cut."""
    wanted = settling.wanted['disk_bytes']
    if not os.path.exists(f'{DISK}/block'):
        raise StoreError(
            f'{DISK}/block, the disk of the store, is gone; put it back from a copy of this host. If there is none, '
            f'its objects are lost: remove {DISK} and {MONITOR}, run this again, and copy the other repository anew'
        )
    present = os.stat(f'{DISK}/block').st_size
    if present == wanted:
        return
    if present > wanted:
        raise StoreError(
            f"the store's disk has {present // 2**30} GiB and cannot be made smaller; "
            f'set object_store_disk_gib to {present // 2**30}'
        )
    if not settling.change(f'the disk has {wanted // 2**30} GiB'):
        return
    room_for(wanted)
    run(['systemctl', 'stop', UNITS['gateway'], UNITS['disk']], seconds=150)
    os.truncate(f'{DISK}/block', wanted)
    if settling.wanted['disk_reserved']:
        with open(f'{DISK}/block', 'r+b') as stream:
            os.posix_fallocate(stream.fileno(), 0, wanted)
    run(['ceph-bluestore-tool', 'bluefs-bdev-expand', '--path', DISK], seconds=120, user='ceph')


def nearly_used():
    """Return whether the disk's file has been written nearly to its end: what stops then may have stopped for that."""
    try:
        about = os.stat(f'{DISK}/block')
    except OSError:
        return False
    return about.st_blocks * 512 > 0.95 * about.st_size


def make_gateway(_):
    """Make the gateway's key."""
    user = pwd.getpwnam('ceph')
    text = run([
        'ceph', '--connect-timeout', '10', 'auth', 'get-or-create', 'client.gateway', 'mon', 'allow rw', 'osd',
        'allow rwx',
    ])  # fmt: skip
    write_key(f'{GATEWAY}/keyring', text, user.pw_uid, user.pw_gid)


def start(settling, part):
    """Start the unit of a part if it does not run."""
    if not is_active(part) and settling.change(f'{part} started'):
        subprocess.run(['systemctl', 'reset-failed', UNITS[part]], capture_output=True, check=False)
        run(['systemctl', 'start', UNITS[part]])


def monitor_answers():
    """Raise NotReadyError while the monitor does not answer."""
    have_administration_key()
    ceph('quorum_status')


def disk_is_up():
    """Raise NotReadyError while the disk does not take part."""
    disks = [one for one in ceph('osd', 'dump')['osds'] if one['osd'] == 0]
    if not disks or not disks[0]['up'] or not disks[0]['in']:
        raise NotReadyError('the disk of the store (ceph-osd) does not take part yet')


def settle(settling):
    """Make what is missing, grow the disk, start every part, and wait for each before the next."""
    makers = {'monitor': make_monitor, 'disk': make_disk, 'gateway': make_gateway}
    ready = {'monitor': monitor_answers, 'disk': disk_is_up, 'gateway': None}
    if not all(made().values()) and settling.dry_run:
        settling.change('the store is made')
        return False
    for part, make in makers.items():
        if not made()[part] and settling.change(f'{part} made'):
            make(settling)
        if part == 'disk':
            grow_disk(settling)
        start(settling, part)
        if ready[part] and not (settling.dry_run and not is_active(part)):
            settling.until(ready[part], part)
    return not (settling.dry_run and not all(is_active(part) for part in UNITS))


def fullness():
    """Return the flags of the map (`full`, `nearfull` …) as the monitor has them, and the disk's own count of bytes."""
    flags = set(ceph('osd', 'dump').get('flags_set', []))
    for name, check in (ceph('health') or {}).get('checks', {}).items():
        if name in ('OSD_FULL', 'OSD_NEARFULL', 'OSD_BACKFILLFULL', 'POOL_FULL', 'POOL_NEARFULL'):
            flags.add(name.split('_')[1].lower())
        elif name in ('OSD_DOWN', 'OSD_HOST_DOWN', 'BLUESTORE_DISK_SIZE_MISMATCH', 'OSD_SCRUB_ERRORS', 'PG_DAMAGED'):
            flags.add(name.lower() + ': ' + check['summary']['message'])
    counters = json.loads(run(['ceph', 'daemon', 'osd.0', 'perf', 'dump', 'osd'])).get('osd')
    if counters is None:
        raise NotReadyError('the disk of the store (ceph-osd) only begins')
    return flags, counters['stat_bytes'], counters['stat_bytes_used']


def oldest_request_seconds():
    """Return the age of the oldest request that the disk has begun and not ended; 0 if there is none."""
    waiting = json.loads(run(['ceph', 'daemon', 'osd.0', 'dump_ops_in_flight'])).get('ops', [])
    return max((float(each['age']) for each in waiting), default=0.0)


def sleep():
    """Wait a moment between two looks."""
    time.sleep(0.5)

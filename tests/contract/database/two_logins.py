"""On a data host's image, without a network: a PostgreSQL, its replica, and database-settle through whole rotations.

Prints what was seen, as JSON. The roles of `database-settle` are as the role's variables make them in each step.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pwd
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2
import psycopg2.extras

SETTLE = Path('/role/database-settle')
PROGRAMS = '/usr/lib/postgresql/17/bin/'
LEADER, REPLICA, PASSWORDS = Path('/tmp/leader'), Path('/tmp/replica'), Path('/tmp/pgpass')
LOGINS = {
    'replication': ('replicator', 'replicator_2'), 'rewind': ('rewind', 'rewind_2'),
    'application': ('learning', 'learning_2'),
}  # fmt: skip
REWIND = (
    "SELECT pg_ls_dir('.', false, false), pg_stat_file('PG_VERSION', true), pg_read_binary_file('PG_VERSION'),"
    " pg_read_binary_file('PG_VERSION', 0, 1, true)"
)
ACCESS = ''.join(
    f'host {database} {",".join(LOGINS[purpose])} 127.0.0.1/32 scram-sha-256\n'
    for database, purpose in (('replication', 'replication'), ('all', 'rewind'), ('learning', 'application'))
)
seen = {}


def main():
    become_postgres()
    settling = loaded()
    start_leader(settling)
    first = passwords('1', None)
    settled(settling, first)
    seen['again'] = settled(settling, first)
    start_replica()
    with logged_in('learning', 'learning1') as session:
        session.execute('CREATE TABLE made_by_first (number int)')

    announced = passwords('1', '2')
    seen['dry'] = settled(settling, announced, dry_run=True)
    settled(settling, announced)
    seen['announced again'] = settled(settling, announced)
    seen['in, announced'] = sorted(who_is_in())
    with logged_in('learning_2', 'learning2') as session:
        session.execute('ALTER TABLE made_by_first ADD other int; CREATE TABLE made_by_second (number int)')
        session.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'made_by_%'")
        seen['owners'] = [row[0] for row in session.fetchall()]

    retired = passwords(None, '2')
    seen['too early'] = settled(settling, retired, seconds=1)
    seen['in, too early'] = sorted(who_is_in())
    old = psycopg2.connect(host='127.0.0.1', user='learning', password='learning1', dbname='learning')
    seen['longest gap of writes, seconds'] = written_meanwhile(lambda: follow_as('replicator_2', '2'))
    settled(settling, retired)
    seen['in, retired'] = sorted(who_is_in())
    try:
        old.cursor().execute('SELECT 1')
        seen['old session'] = 'lives'
    except psycopg2.OperationalError:
        seen['old session'] = 'was ended'

    settled(settling, passwords('3', '2'))
    follow_as('replicator', '3')
    settled(settling, passwords('3', None))
    seen['in, second rotation'] = sorted(who_is_in())
    log = Path('/tmp/leader.log').read_text()
    seen['passwords in the log'] = [word for word in words() if word in log]
    print(json.dumps(seen))


def passwords(first, second):
    """Return the password of each login; a number makes one, None is a login that is not in use."""
    return {
        name: login.removesuffix('_2') + number if number else None
        for logins in LOGINS.values()
        for name, login, number in zip(logins, logins, (first, second), strict=True)
    }


def words():
    return {f'{logins[0]}{number}' for logins in LOGINS.values() for number in '123'}


def roles(wanted):
    owner = LOGINS['application'][0]
    yield {'name': 'postgres', 'password': 'superuser'}
    for purpose, logins in LOGINS.items():
        for name in logins:
            acts_as = owner if purpose == 'application' and name != owner else None
            yield {'name': name, 'password': wanted[name], 'purpose': purpose, 'acts_as': acts_as}


def become_postgres():
    user = pwd.getpwnam('postgres')
    Path('/var/run/postgresql').mkdir(parents=True, exist_ok=True)
    os.chown('/var/run/postgresql', user.pw_uid, user.pw_gid)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ['LC_ALL'] = 'C.UTF-8'


def loaded():
    sys.path.insert(0, str(SETTLE.parent))
    loader = importlib.machinery.SourceFileLoader('settle', str(SETTLE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('settle', loader))
    loader.exec_module(module)
    return module


def settled(module, wanted, dry_run=False, seconds=20):
    """Run what database-settle does on the leader about roles and access; return what it changed, or its refusal."""

    class Alone(module.Settling):
        def __init__(self):
            parameters = {'max_connections': 100}
            self.wanted = {
                'deadline_seconds': seconds, 'roles': list(roles(wanted)), 'database': 'learning',
                'dynamic_configuration': {'postgresql': {'parameters': parameters}},
            }  # fmt: skip
            self.dry_run, self.deadline = dry_run, time.monotonic() + seconds

    said, run = io.StringIO(), Alone()
    try:
        with contextlib.redirect_stdout(said):
            session = module.Sql()
            for role in run.wanted['roles']:
                module.settle_role(run, session, role)
            module.settle_database(run, session, 'learning')
            module.settle_access(run, session, module.Sql)
    except SystemExit as refused:
        return [f'refused: {refused}']
    return said.getvalue().splitlines()


def start_leader(module):
    subprocess.run([PROGRAMS + 'initdb', '-D', LEADER, '--auth-local', 'peer', '--auth-host', 'scram-sha-256'],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    with (LEADER / 'pg_hba.conf').open('w') as file:
        file.write('local all postgres peer\n' + ACCESS)
    with (LEADER / 'postgresql.conf').open('a') as file:
        file.write("\nunix_socket_directories = '/var/run/postgresql'\nlisten_addresses = '127.0.0.1'\n")
    control(LEADER, '-w', '-l', '/tmp/leader.log', 'start')
    # As Patroni makes them when the database begins.
    session = module.Sql()
    session.run("CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'first of all'; CREATE ROLE rewind LOGIN")
    for function in module.REWIND_FUNCTIONS:
        session.run(f'GRANT EXECUTE ON FUNCTION {function} TO rewind')


def start_replica():
    know('replicator', '1')
    subprocess.run([PROGRAMS + 'pg_basebackup', '-h', '127.0.0.1', '-U', 'replicator', '-D', REPLICA, '-c', 'fast'],
                   check=True, env=os.environ | {'PGPASSFILE': str(PASSWORDS)})  # fmt: skip
    (REPLICA / 'standby.signal').touch()
    with (REPLICA / 'postgresql.conf').open('a') as file:
        file.write("\nport = 5433\nunix_socket_directories = '/tmp'\n")
    following('replicator')
    control(REPLICA, '-w', '-l', '/tmp/replica.log', 'start')
    wait_until_followed_as('replicator')


def know(login, number):
    PASSWORDS.write_text(f'127.0.0.1:5432:*:{login}:replicator{number}\n')
    PASSWORDS.chmod(0o600)


def following(login):
    with (REPLICA / 'postgresql.conf').open('a') as file:
        file.write(f"\nprimary_conninfo = 'host=127.0.0.1 user={login} passfile={PASSWORDS} application_name=db-2'\n")


def follow_as(login, number):
    """Have the replica go over to another login, by a reload, as Patroni has it do."""
    know(login, number)
    following(login)
    control(REPLICA, 'reload')
    wait_until_followed_as(login)


def wait_until_followed_as(login):
    deadline = time.monotonic() + 20
    # Not in one transaction: what is asked of statistics stays the same there.
    connection = psycopg2.connect(host='/var/run/postgresql', user='postgres', dbname='postgres')
    connection.autocommit = True
    cursor = connection.cursor()
    while time.monotonic() < deadline:
        cursor.execute('SELECT usename FROM pg_stat_replication')
        if cursor.fetchall() == [(login,)]:
            connection.close()
            return
        time.sleep(0.05)
    sys.exit(f'the replica does not follow as {login}')


def written_meanwhile(work):
    """Do some work while rows are written by the second login; return the longest time between two of them."""
    gaps, ended = [], threading.Event()

    def write():
        with logged_in('learning_2', 'learning2') as session:
            last = time.monotonic()
            while not ended.is_set():
                session.execute('INSERT INTO made_by_second VALUES (1)')
                gaps.append(time.monotonic() - last)
                last = time.monotonic()
                time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        work()
    finally:
        ended.set()
        writer.join()
    return round(max(gaps), 3)


def who_is_in():
    """Yield each login with the number of the password by which it comes in, and does what it is for."""
    for number in '123':
        for login in LOGINS['application']:
            if tried(lambda name=login, word=f'learning{number}': logged_in(name, word).__enter__()):
                yield f'{login} {number}'
        for login in LOGINS['rewind']:
            if tried(lambda name=login, word=f'rewind{number}': rewound(name, word)):
                yield f'{login} {number}'
        for login in LOGINS['replication']:
            if tried(lambda name=login, word=f'replicator{number}': identified(name, word)):
                yield f'{login} {number}'


def tried(work):
    try:
        work()
    except psycopg2.Error:
        return False
    return True


@contextlib.contextmanager
def logged_in(login, password, database='learning'):
    connection = psycopg2.connect(host='127.0.0.1', user=login, password=password, dbname=database)
    connection.autocommit = True
    yield connection.cursor()
    connection.close()


def rewound(login, password):
    with logged_in(login, password, 'postgres') as session:
        session.execute(REWIND)


def identified(login, password):
    connection = psycopg2.connect(
        host='127.0.0.1', user=login, password=password, dbname='any',
        connection_factory=psycopg2.extras.PhysicalReplicationConnection,
    )  # fmt: skip
    connection.cursor().execute('IDENTIFY_SYSTEM')
    connection.close()


def control(folder, *words):
    subprocess.run([PROGRAMS + 'pg_ctl', '-D', folder, *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == '__main__':
    main()

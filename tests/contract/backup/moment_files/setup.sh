#!/bin/bash
# A database with archiving into an encrypted repository, one full backup, and a heartbeat.
set -e
groupadd --non-unique --gid "$(id -g postgres)" pgbackrest
useradd --non-unique --uid "$(id -u postgres)" --gid "$(id -g postgres)" --no-create-home pgbackrest 2>/dev/null
install -d -o postgres -m 0750 /var/lib/pgbackrest
install -d -o postgres -m 0700 /srv/live
install -d /etc/anlan/backup
settings=/etc/anlan/backup/database-local.conf
cat > "$settings" <<'C'
[global]
repo1-path=/var/lib/pgbackrest
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=only-for-tests
repo1-bundle=y
repo1-block=y
repo1-retention-full=9
log-level-file=off
log-timestamp=n
compress-type=zst
lock-path=/var/lib/pgbackrest/lock
spool-path=/var/lib/pgbackrest/spool
[lab]
pg1-path=/srv/live/data
pg1-socket-path=/srv/live
pg1-user=postgres
C
cat > /etc/anlan/backup/database.json <<C
{"stanza": "lab", "database": "learning", "hosts": ["localhost"], "path": "/srv/live/data", "lag_bytes": 1000,
 "lag_seconds": 10, "places": {"local": {"write": "$settings", "read": "$settings"}}}
C
echo '{"version": 1, "host": "ops-1", "files": [], "database": "/etc/anlan/backup/database.json"}' > /etc/anlan/backup/places.json
as() { runuser -u postgres -- "$@"; }
as /usr/lib/postgresql/17/bin/initdb -D /srv/live/data --encoding UTF8 --locale-provider builtin --builtin-locale C.UTF-8 \
    --locale C.UTF-8 --data-checksums --auth trust > /dev/null
cat >> /srv/live/data/postgresql.conf <<C
listen_addresses = ''
unix_socket_directories = '/srv/live'
archive_mode = on
archive_timeout = 60
archive_command = '/usr/bin/pgbackrest --config=$settings --stanza=lab archive-push %p'
C
systemd-run --quiet --unit=live --property=User=postgres --property=KillSignal=SIGINT -- \
    /usr/lib/postgresql/17/bin/postgres -D /srv/live/data
for _ in $(seq 100); do as psql -h /srv/live -Xqc 'SELECT' postgres 2>/dev/null && break; sleep 0.2; done
as createdb -h /srv/live learning
as psql -h /srv/live -Xqd learning -v ON_ERROR_STOP=1 <<'C'
CREATE SCHEMA anlan_backup;
CREATE TABLE anlan_backup.heartbeat (beaten timestamptz, number bigint);
INSERT INTO anlan_backup.heartbeat VALUES (now(), 0);
CREATE TABLE lesson_note (id int PRIMARY KEY, text text);
INSERT INTO lesson_note SELECT number, repeat('x', 200) FROM generate_series(1, 5000) number;
CREATE TABLE archive_archiverecord (id bigint, sequence bigint, content text, previous_sha256 varchar(64), sha256 varchar(64));
CREATE TABLE archive_chainhead (id bigint, sequence bigint, sha256 varchar(64));
C
as pgbackrest --config="$settings" --stanza=lab --log-level-console=warn stanza-create
as pgbackrest --config="$settings" --stanza=lab --log-level-console=warn --type=full --start-fast \
    --annotation=policy=database backup
systemd-run --quiet --unit=heart --property=User=postgres -- /bin/sh -c \
    'while sleep 0.5; do psql -h /srv/live -Xqd learning -c "UPDATE anlan_backup.heartbeat SET beaten = clock_timestamp()"; done'

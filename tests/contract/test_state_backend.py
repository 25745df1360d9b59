"""Pulumi's state elsewhere: a platform's stack made, known again and removed with its state in S3 and in PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import boto3
import docker
import pytest
from moto.server import ThreadedMotoServer

from anlan.deadline import wait_until
from anlan.errors import AnlanError
from anlan.paths import cache_directory
from infra.images import image_tag
from infra.images.build import ensure_images
from infra.lab import networks
from infra.lab.model import LabNetwork
from infra.program import Network
from infra.stack import PlatformStack, StackPlace
from tests.contract.conftest import PROVIDER_GATEWAY, PROVIDER_PLATFORM, PROVIDER_SUBNET

NETWORK = LabNetwork(PROVIDER_PLATFORM, 'app', PROVIDER_SUBNET, PROVIDER_GATEWAY)
BUCKET = 'anlan-state'
START_POSTGRESQL = """
set -e
data=/var/lib/postgresql/state
install -d -o postgres /run/postgresql
su postgres -c "/usr/lib/postgresql/17/bin/initdb --auth-local=trust --auth-host=scram-sha-256 -D $data >/dev/null"
echo 'host all all all scram-sha-256' >> $data/pg_hba.conf
su postgres -c "/usr/lib/postgresql/17/bin/pg_ctl -w -D $data -o '-c listen_addresses=*' start >/dev/null"
echo "CREATE ROLE anlan LOGIN PASSWORD '$STATE_PASSWORD';" > /tmp/state.sql
echo 'CREATE DATABASE state OWNER anlan;' >> /tmp/state.sql
su postgres -c 'psql -qf /tmp/state.sql'
touch /run/ready
sleep 600
"""

pytestmark = pytest.mark.usefixtures('swept')


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bucket on loopback."""
    for name, value in (('ACCESS_KEY_ID', 'contract'), ('SECRET_ACCESS_KEY', 'contract'), ('REGION', 'us-east-1')):
        monkeypatch.setenv(f'AWS_{name}', value)
    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f'http://{host}:{port}'
        boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1').create_bucket(Bucket=BUCKET)
        yield f's3://{BUCKET}?endpoint={endpoint}&region=us-east-1&s3ForcePathStyle=true'
    finally:
        server.stop()


@pytest.fixture
def postgresql(client: docker.DockerClient) -> Iterator[str]:
    """The address of a database in a container of its own."""
    if not client.images.list(name=image_tag('data')):
        ensure_images(['data'], cache_directory() / 'packages', print)
    password = secrets.token_hex(16)
    container = client.containers.run(
        image_tag('data'), ['sh', '-c', START_POSTGRESQL], detach=True, environment={'STATE_PASSWORD': password}
    )
    try:

        def ready() -> str | None:
            code, _ = container.exec_run(['test', '-e', '/run/ready'])
            return None if code == 0 else container.logs(tail=3).decode()

        wait_until(ready, 'the database of the state', 60)
        container.reload()
        address = container.attrs['NetworkSettings']['Networks']['bridge']['IPAddress']
        yield f'postgres://anlan:{password}@{address}:5432/state?sslmode=disable'
    finally:
        container.remove(force=True, v=True)


@pytest.mark.parametrize('backend', ['s3', 'postgresql'])
def test_a_stack_is_made_known_again_and_removed(
    backend: str,
    request: pytest.FixtureRequest,
    client: docker.DockerClient,
    tmp_path,
    pulumi_root,  # type: ignore[no-untyped-def]
) -> None:
    place = StackPlace(PROVIDER_PLATFORM, tmp_path / 'pulumi', pulumi_root, request.getfixturevalue(backend))

    def stack() -> PlatformStack:
        def program() -> None:
            Network(NETWORK)

        return PlatformStack(place, program)

    assert not stack().is_known()
    stack().up()
    # Another run, with nothing but the state to know it by.
    assert stack().is_known()
    assert not stack().plan()
    assert stack().leftovers() == []
    networks.delete(client, NETWORK.name)
    assert [drift.kind for drift in stack().drift()] == ['removed']
    stack().down()
    assert networks.find(client, NETWORK.name) is None


def test_a_state_that_cannot_be_reached_is_one_sentence(tmp_path, pulumi_root) -> None:  # type: ignore[no-untyped-def]
    place = StackPlace(
        PROVIDER_PLATFORM, tmp_path / 'pulumi', pulumi_root, 'postgres://anlan@127.0.0.1:1/state?sslmode=disable'
    )
    with pytest.raises(AnlanError) as raised:
        PlatformStack(place, lambda: None).up()
    assert 'connection refused' in str(raised.value)
    assert len(str(raised.value)) < 700

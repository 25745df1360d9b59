"""Operators: people who may log in on every host, each under a name and a key of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

OperatorName = Annotated[str, Field(pattern=r'^[a-z][a-z0-9-]{1,30}$')]
"""A user name of Debian (adduser's NAME_REGEX, without dots)."""

KEY_TYPES = ('ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'sk-ssh-ed25519@openssh.com')
PublicKey = Annotated[str, Field(pattern=rf'^({"|".join(KEY_TYPES)}) [A-Za-z0-9+/=]+( [^\n]*)?$')]
"""One line of an authorized_keys file without options."""

RESERVED_NAMES = ('root', 'anlan', 'anlan-app', 'postgres', 'etcd', 'valkey', 'haproxy', 'www-data', 'nobody', 'daemon')
"""Users of the system and its services, who are nobody's to log in as."""

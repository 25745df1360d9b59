"""Observations: every command that an audit asked the hosts, with its answer. All that judging again needs."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anlan.errors import BadInput
from anlan.ledger.canonical import canonical
from compliance.answer import Answer, Silence

FORMAT = 1
MOST_BYTES = 512 * 1024 * 1024
"""A file of somebody else's may say little and unpack to more than there is memory for."""


@dataclass(frozen=True)
class Observation:
    """What hosts answered, by host and command, or why a host did not; `outputs` is what the platform declares.

    `started` and `ended` are UTC in ISO 8601.
    """

    platform: str
    started: str
    ended: str
    outputs: Mapping[str, Any]
    hosts: Mapping[str, Mapping[str, Answer] | Silence]

    def packed(self) -> bytes:
        """Return it as a file: canonical JSON, compressed, the same bytes for the same observation."""
        document = {
            'format': FORMAT, 'platform': self.platform, 'started': self.started, 'ended': self.ended,
            'outputs': dict(self.outputs),
            'hosts': {
                host: {'silent': said.reason}
                if isinstance(said, Silence)
                else {'answers': [said[command].document() for command in sorted(said)]}
                for host, said in self.hosts.items()
            },
        }  # fmt: skip
        return gzip.compress(canonical(document), 6, mtime=0)

    @classmethod
    def unpacked(cls, content: bytes, name: str) -> Observation:
        """Given the file's content and name, return the observation. Raise BadInput if it is none."""
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
                text = stream.read(MOST_BYTES + 1)
            if len(text) > MOST_BYTES:
                raise BadInput(f'{name}: is larger than {MOST_BYTES // 1024 // 1024} MiB when it is unpacked')
            document = json.loads(text)
            if document['format'] != FORMAT:
                raise BadInput(f'{name}: is of format {document["format"]}; this version reads {FORMAT}')
            hosts: dict[str, Mapping[str, Answer] | Silence] = {}
            for host, said in document['hosts'].items():
                if 'silent' in said:
                    hosts[host] = Silence(str(said['silent']))
                else:
                    hosts[host] = {each['command']: Answer.of(each) for each in said['answers']}
            return cls(document['platform'], document['started'], document['ended'], document['outputs'], hosts)
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput(f'{name}: is no record of an audit ({type(error).__name__}: {error})') from None

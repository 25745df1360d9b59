"""Looking at a platform that stands: its outputs, and connections through a bastion that answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anlan.errors import EXIT_BAD_INPUT, AnlanError
from anlan.paths import PlatformPaths
from anlan.platform import Platform
from anlan.remote import Remote, Unreachable
from infra.connect import connect
from infra.outputs_file import read_outputs

BASTION_SECONDS = 20.0


class NotObserved(AnlanError):
    """Nothing can be said of a platform, good or bad. Its exit code is that of `down`: never taken for well."""

    exit_code = EXIT_BAD_INPUT


@contextmanager
def observing(platform: Platform) -> Iterator[tuple[Remote, dict[str, Any]]]:
    """Given a platform, yield connections to its hosts and its outputs. Raise BadInput if it does not stand."""
    paths = PlatformPaths.of(platform.name)
    outputs = read_outputs(paths.outputs)
    with connect(platform, paths, outputs) as remote:
        yield remote, outputs


def require_bastion(platform: Platform, remote: Remote) -> None:
    """Given connections to a platform, raise NotObserved if its bastion does not answer: no host is reached then."""
    try:
        remote.run(remote.bastion, ['true'], BASTION_SECONDS)
    except Unreachable as error:
        raise NotObserved(
            f'{platform.name} cannot be observed, all ways lead through its bastion: {error}. '
            'Whether learners are served is not known'
        ) from None

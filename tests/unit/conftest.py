"""Keys that tests make for the secrets of their platforms go to a folder of the run, never to the user's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anlan.secret_key import VARIABLE


@pytest.fixture(scope='session', autouse=True)
def configuration_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CONFIG_HOME', str(tmp_path_factory.mktemp('configuration')))
        for name in (VARIABLE, 'CREDENTIALS_DIRECTORY'):
            patch.delenv(name, raising=False)
        yield

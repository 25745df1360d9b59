"""The player: hls.js from npm, in one version, checked against one hash."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from app_stack.release.commands import run
from app_stack.release.model import PackingFailed

VERSION = '1.7.4'
INTEGRITY = 'sha512-3GlxGdPvT2YHvQYOt+yOzT/DEior/qJVNIylHA77kgeoBTdQQqi70GwefNEUmHQeNGyjC8U62+bruqW/Tpm+tg=='
MEMBER = 'package/dist/hls.light.min.js'
# Browsers that play HLS by themselves need nothing; the page falls back to that.
NATIVE = '// hls.js was not packed: npm was not there. The browser plays HLS by itself, or not at all.\n'


def player_name() -> str:
    """Return which player a release packed here has: with npm, hls.js; without, the browser's own."""
    return f'hls.js {VERSION}' if shutil.which('npm') else 'native'


def put_player(folder: Path, cache_directory: Path, report: Callable[[str], None]) -> None:
    """Write the player to `vendor/hls.js` in this folder. Raise PackingFailed if npm's file is not the pinned one."""
    target = folder / 'vendor' / 'hls.js'
    target.parent.mkdir(parents=True)
    npm = shutil.which('npm')
    if npm is None:
        report('npm is not installed: lessons play only in browsers with HLS of their own')
        target.write_text(NATIVE, encoding='utf-8')
        return
    packed = cache_directory / 'player' / f'hls.js-{VERSION}.tgz'
    if not packed.is_file() or _integrity(packed) != INTEGRITY:
        report(f'fetching hls.js {VERSION}')
        packed.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix='.fetching-', dir=packed.parent) as name:
            run([npm, 'pack', f'hls.js@{VERSION}', '--pack-destination', name, '--silent'], 120, folder=Path(name))
            fetched = Path(name) / packed.name
            if not fetched.is_file() or _integrity(fetched) != INTEGRITY:
                raise PackingFailed(f'what npm gave for hls.js {VERSION} is not what was pinned; it is not used')
            fetched.rename(packed)
    with tarfile.open(packed) as tar:
        script = tar.extractfile(MEMBER)
        if script is None:
            raise PackingFailed(f'hls.js {VERSION} has no {MEMBER}')
        text = script.read().decode()
    # Its source map is not packed, and a browser's tools would ask for it in vain.
    target.write_text(text.split('//# sourceMappingURL=')[0], encoding='utf-8')


def _integrity(file: Path) -> str:
    return 'sha512-' + base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()

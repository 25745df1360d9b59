"""The role's programs as modules: they run on hosts and are no package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

from anlan.paths import ROOT

FILES = ROOT / 'playbooks' / 'roles' / 'event_collection' / 'files'


# On a host, a program finds the modules beside it.
if str(FILES) not in sys.path:
    sys.path.insert(0, str(FILES))


def load(name: str) -> ModuleType:
    if name.endswith('.py'):
        return importlib.import_module(name.removesuffix('.py'))
    loader = SourceFileLoader(name.replace('-', '_'), str(FILES / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module

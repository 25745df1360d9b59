"""The role's program, loaded as a module."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from types import ModuleType

from anlan.paths import ROOT

ROLE = ROOT / 'playbooks' / 'roles' / 'waf'


def waf_watch() -> ModuleType:
    loader = SourceFileLoader('waf_watch', str(ROLE / 'files' / 'waf-watch'))
    spec = importlib.util.spec_from_loader('waf_watch', loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    import sys

    sys.modules['waf_watch'] = module
    loader.exec_module(module)
    return module

"""The programs of the cache hosts, as modules."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from types import ModuleType

from anlan.paths import ROOT

FILES = ROOT / 'playbooks' / 'roles' / 'cache_level' / 'files'


def program(name: str) -> ModuleType:
    """Given the name of a program, return it as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace('-', '_'), str(FILES / name))
    specification = importlib.util.spec_from_loader(loader.name, loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[loader.name] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module

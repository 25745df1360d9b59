"""The platform file: what the user wants, every key described."""

from anlan.platform.load import load_platform
from anlan.platform.model import Platform

__all__ = ['Platform', 'load_platform']

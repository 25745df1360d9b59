"""Recipes: what is in each host image, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
REPOSITORY = 'anlan-host'
FORMAT = '2'
"""Changes with how images are built, where that is not seen in their recipe."""


@dataclass(frozen=True)
class Recipe:
    """Debian packages of one image. `parent` is the recipe that it is laid on, None for the base."""

    tier: str
    suite: str
    packages: tuple[str, ...]
    parent: Recipe | None = None

    @property
    def tag(self) -> str:
        """Return the image's name and tag; the tag ends with the hash of all that the image is made from."""
        return f'{REPOSITORY}:{self.tier}-{self._hash()}'

    def _hash(self) -> str:
        material = [FORMAT, self.tier, self.suite, *self.packages]
        if self.parent is None:
            material += [(FOLDER / name).read_text(encoding='utf-8') for name in ('customize-base', 'anlan-init')]
        else:
            material.append(self.parent.tag)
        return hashlib.sha256(json.dumps(material).encode()).hexdigest()[:12]


@cache
def recipes() -> dict[str, Recipe]:
    """Return the recipe of every tier, and `base`, from recipes.yaml."""
    document = yaml.safe_load((FOLDER / 'recipes.yaml').read_text(encoding='utf-8'))
    base = Recipe('base', document['suite'], tuple(sorted(document['base'])))
    return {'base': base} | {
        tier: Recipe(tier, base.suite, tuple(sorted(packages)), base) for tier, packages in document['tiers'].items()
    }


def image_tag(tier: str) -> str:
    """Given a tier, return the name and tag of its host image. Raise KeyError for an unknown tier."""
    return recipes()[tier].tag


def packages_by_tier() -> dict[str, list[str]]:
    """Return, for every tier, the packages that its hosts need, the base's included."""
    base = recipes()['base']
    return {
        tier: sorted({*base.packages, *recipe.packages}) for tier, recipe in recipes().items() if recipe is not base
    }

"""Recipes of host images: the tag changes with all that an image is made from, and with nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from anlan.platform.tiers import COUNTS
from infra.images import recipe
from infra.images.recipe import image_tag, packages_by_tier, recipes

Tags = Callable[[], dict[str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a copy of the recipes' folder that the module reads from."""
    copied = Path(shutil.copytree(recipe.FOLDER, tmp_path / 'images'))
    monkeypatch.setattr(recipe, 'FOLDER', copied)
    recipes.cache_clear()
    yield copied
    recipes.cache_clear()


def tags() -> dict[str, str]:
    recipes.cache_clear()
    return {tier: found.tag for tier, found in recipes().items()}


def edited(folder: Path, change: Callable[[dict[str, object]], None]) -> dict[str, str]:
    file = folder / 'recipes.yaml'
    document = yaml.safe_load(file.read_text())
    change(document)
    file.write_text(yaml.safe_dump(document))
    return tags()


def test_there_is_a_recipe_for_every_tier() -> None:
    assert set(recipes()) == {'base', *COUNTS['full']}


def test_a_tag_names_the_tier_and_is_the_same_every_time(folder: Path) -> None:
    assert tags() == tags()
    assert all(tag.startswith(f'anlan-host:{tier}-') for tier, tag in tags().items())
    assert len(set(tags().values())) == len(tags())


@pytest.mark.parametrize('name', ['anlan-init', 'customize-base'])
def test_every_tag_changes_with_what_the_base_is_made_from(folder: Path, name: str) -> None:
    before = tags()
    with (folder / name).open('a') as file:
        file.write('\n# another line\n')
    after = tags()
    assert all(after[tier] != before[tier] for tier in before)


def test_every_tag_changes_with_a_package_of_the_base_and_with_the_suite(folder: Path) -> None:
    before = tags()
    packages = edited(folder, lambda document: document['base'].append('nano'))  # type: ignore[attr-defined]
    suite = edited(folder, lambda document: document.update(suite='forky'))
    for tier in before:
        assert len({before[tier], packages[tier], suite[tier]}) == 3


def test_only_a_tiers_own_tag_changes_with_its_packages(folder: Path) -> None:
    before = tags()
    after = edited(folder, lambda document: document['tiers']['edge'].append('nano'))  # type: ignore[index]
    assert {tier for tier in before if after[tier] != before[tier]} == {'edge'}


def test_the_order_of_packages_does_not_matter(folder: Path) -> None:
    before = tags()

    def turn(document: dict[str, object]) -> None:
        document['base'].reverse()  # type: ignore[attr-defined]
        document['tiers']['data'].reverse()  # type: ignore[index]

    assert edited(folder, turn) == before


def test_what_a_tier_needs_includes_the_base() -> None:
    packages = packages_by_tier()
    assert 'base' not in packages
    assert {'openssh-server', 'chrony', 'patroni'} <= set(packages['data'])
    assert 'patroni' not in packages['edge']


def test_an_unknown_tier_has_no_image() -> None:
    with pytest.raises(KeyError):
        image_tag('moon')

"""Host images of the lab, cached by the hash of their recipe."""

from infra.images.recipe import image_tag, packages_by_tier, recipes

__all__ = ['image_tag', 'packages_by_tier', 'recipes']

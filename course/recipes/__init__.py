"""How the papers trained their networks, as data.

    >>> from course import recipes
    >>> recipes.get_recipe("resnet_cifar").batch_size
    128

A recipe's learning rate belongs to its batch size; other batch sizes scale it in proportion (Goyal
et al. 2017). Milestones are epochs of the recipe and move in proportion when a run is shorter.
Importing this package loads neither Keras nor TensorFlow.
"""

from course.recipes.lookup import RECIPES, for_architecture, get_recipe, with_overrides
from course.recipes.recipe import Augmentation, Phase, Recipe

__all__ = [
    "RECIPES",
    "Augmentation",
    "Phase",
    "Recipe",
    "for_architecture",
    "get_recipe",
    "with_overrides",
]

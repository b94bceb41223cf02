"""TFDS builder of the course's drawn shapes; ``data/course_shapes.json`` records how hard they are.

    python -m course.datasets.measure

trains the models behind those numbers again.
"""

from __future__ import annotations

from dataclasses import dataclass

from course.datasets._tfds import tfds
from course.datasets.builder import SourceBuilder
from course.datasets.sources import SHAPES, Source


@dataclass(eq=False)
class ShapesConfig(tfds.core.BuilderConfig):
    """One kind of shapes: `source` says how they are drawn and how many."""

    source: Source | None = None


class CourseShapes(SourceBuilder):
    """Ten drawn shapes, 32 x 32 pixels: ``source``, textured solids, and ``target``, outlines.

    Example:
        >>> from course.datasets.sources import course_shapes
        >>> hard = course_shapes("hard", difficulty=0.8, seed=1)
        >>> made = CourseShapes(config=ShapesConfig(name="hard", source=hard), data_dir="datasets")
        >>> made.info.features["image"].shape
        (32, 32, 3)
    """

    BUILDER_CONFIGS = [  # noqa: RUF012 - TFDS reads the class attribute
        ShapesConfig(
            name=source.name.partition("/")[2], description=source.description, source=source
        )
        for source in SHAPES
    ]

    @property
    def source(self) -> Source:
        return self.builder_config.source

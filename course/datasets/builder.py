"""Base class of the course's TFDS builders, which write a :class:`Source` to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from course.datasets import sources
from course.datasets._tfds import tfds

Builder: Any = tfds.core.GeneratorBasedBuilder


class SourceBuilder(Builder, skip_registration=True):  # type: ignore[call-arg]
    """Write one of the course's own datasets, in order, as PNG images with labels."""

    VERSION = tfds.core.Version(sources.VERSION)
    RELEASE_NOTES = {sources.VERSION: "First release."}  # noqa: RUF012 - TFDS reads the class attribute

    @property
    def source(self) -> sources.Source:
        """The dataset to write."""
        raise NotImplementedError(f"{type(self).__name__} must say which source it writes.")

    def _info(self) -> tfds.core.DatasetInfo:
        source = self.source
        features = {
            "image": tfds.features.Image(shape=source.image_shape, encoding_format="png"),
            "label": tfds.features.ClassLabel(names=source.class_names),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=source.description,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage=source.homepage,
            citation=source.citation,
            # Slices such as train[:500] are then the same examples on disk and as arrays.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        del dl_manager  # nothing to download
        return {split: self._generate_examples(split) for split in self.source.splits}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, (image, label) in enumerate(self.source.examples(split)):
            yield index, {"image": image, "label": label}

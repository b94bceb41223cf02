"""Training runs that differ in one thing, recorded for lectures, assignments and docs.

    >>> from course.studies import runs
    >>> [row.variant for row in runs.table("degradation")]
    ['plain20', 'resnet20', 'plain56', 'resnet56']

:mod:`.catalog` defines the studies, :mod:`.runs` records and reads their runs, :mod:`.tables` shows
them. Importing this package loads neither Keras nor TensorFlow.
"""

from course.studies.catalog import STUDIES, Study, Variant, get_study

__all__ = ["STUDIES", "Study", "Variant", "get_study"]

"""`course list`: what it shows, how fast, and that the numbers it reads are the models'."""

import fnmatch
import json
import subprocess
import sys

import pytest

from course import listing
from course.cli import main
from course.listing import counting, numbers, table
from tests import parts
from tests.course.architectures.numbers import FACTS, OWN, known

NAMES = list(listing.kept())
SMALL = ["lenet5_modern", "fast_cifar", "mobilenet_025", "resnet20_cifar", "shufflenet_v2_x0_5"]


def test_the_file_has_every_architecture_as_it_is_registered():
    from course import architectures

    assert architectures.names() == NAMES  # if not: python -m course.listing
    for name, row in listing.kept().items():
        entry = architectures.describe(name)
        assert (row.family, row.input_shape, row.classes) == (
            entry.family,
            entry.input_shape,
            entry.classes,
        )
        assert dict(row.published) == {error.label: error.value for error in entry.published}
        assert str(row.year) in entry.paper


@pytest.mark.parametrize("name", NAMES)
def test_its_numbers_are_those_worked_out_elsewhere(name):
    """The sweep compares them with the models, all of them."""
    fact = (FACTS | OWN)[name]
    expected = known(name)
    assert {key: getattr(listing.kept()[name], key) for key in expected} == expected
    assert list(listing.kept()[name].input_shape) == fact["input_shape"]


@pytest.mark.parametrize("name", parts.by_day(NAMES, 3, "listing"))
def test_its_numbers_are_the_models(name):
    from course import architectures

    row = listing.kept()[name]
    assert counting.count(architectures.describe(name)) == (
        row.params,
        row.params_trainable,
        row.macs,
    )


def test_it_answers_at_once_and_without_tensorflow():
    code = (
        "import sys, course.cli as cli; cli.main(['list'])\n"
        "print(*{'tensorflow', 'keras', 'numpy'} & set(sys.modules), file=sys.stderr)"
    )
    start = _children()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert len(done.stdout.splitlines()) == len(NAMES) + 1
    assert _children() - start < 0.5  # seconds of CPU, which other work does not change much


def _children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_table(capsys):
    assert main(["list", "resnet50", "vgg16", "lenet5"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split("  ")[0] == "name"
    cells = {row.split()[0]: row.split() for row in rows}
    resnet = ["resnet50", "2016", "224x224x3", "25.6", "M", "3.86", "G", "24.70", "ImageNet"]
    assert cells["resnet50"][:9] == resnet
    assert cells["lenet5"][-2:] == ["MNIST", "test"]
    assert max(map(len, rows)) <= 100


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (["resnet*_cifar"], lambda row: fnmatch.fnmatch(row.name, "resnet*_cifar")),
        (["vgg"], lambda row: row.family == "vgg"),
        (["lenet5", "lenet5", "nin"], lambda row: row.name == "lenet5" or row.family == "nin"),
        ([], lambda row: True),
    ],
)
def test_globs_and_families_choose(patterns, wanted, capsys):
    assert main(["list", "--names", *patterns]) == 0
    expected = [row.name for row in listing.kept().values() if wanted(row)]
    assert capsys.readouterr().out.split() == expected


def test_what_matches_nothing_is_refused(capsys):
    assert main(["list", "vgg", "unet*"]) == 1
    said = capsys.readouterr()
    assert "matches unet*." in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("order", "key"),
    [("macs", "macs"), ("parameters", "params"), ("year", "year"), ("name", "name")],
)
def test_it_can_be_sorted(order, key, capsys):
    assert main(["list", "--json", "--sort", order]) == 0
    values = [row[key] for row in json.loads(capsys.readouterr().out)]
    assert values == sorted(values) and len(values) == len(NAMES)


def test_sorted_by_error_the_comparable_ones_are_together(capsys):
    assert main(["list", "--sort", "error"]) == 0
    labels = [line.rpartition("  ")[2] for line in capsys.readouterr().out.splitlines()[1:]]
    runs = [label for n, label in enumerate(labels) if n == 0 or labels[n - 1] != label]
    assert len(runs) == len(set(runs)) > 3


@pytest.mark.parametrize(
    ("number", "text"),
    [(312, "312 "), (1000, "1.00 k"), (61_706, "61.7 k"), (999_499, "999 k"), (999_500, "1.00 M"),
     (25_610_152, "25.6 M"), (3_857_973_248, "3.86 G"), (99_960_000_000, "100 G")],
)  # fmt: skip
def test_short_numbers(number, text):
    assert table.short(number) == text


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A cache of this test's own, and the names that were built."""
    built = []
    real = counting.count
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(counting, "count", lambda e: built.append(e.name) or real(e))
    return built


def test_what_was_counted_once_is_not_built_again(cached):
    first = list(listing.counted(SMALL[:2]))
    assert first == [listing.kept()[name] for name in SMALL[:2]]
    assert list(listing.counted(SMALL[:2])) == first
    assert cached == SMALL[:2]


def test_changed_code_is_counted_again(cached, monkeypatch):
    list(listing.counted(SMALL[:1]))
    monkeypatch.setattr(counting, "_version", lambda: "another")
    list(listing.counted(SMALL[:1]))
    assert cached == SMALL[:1] * 2


@pytest.mark.parametrize("damage", ["", "[]", '{"lenet5_modern": 1}', '{"lenet5_modern": [1, "x"'])
def test_a_damaged_cache_is_not_believed(damage, cached):
    path = counting.cache_file()
    path.parent.mkdir(parents=True)
    path.write_text(damage)
    assert list(listing.counted(SMALL[:1])) == [listing.kept()[SMALL[0]]]
    assert cached == SMALL[:1]


def test_a_cache_that_cannot_be_written_is_no_error(cached, tmp_path):
    (tmp_path / "convnet-course").write_text("a file where the folder should be")
    assert list(listing.counted(SMALL[:1])) == [listing.kept()[SMALL[0]]]


def test_the_command_writes_the_file(cached, monkeypatch, tmp_path):
    from course import architectures

    monkeypatch.setattr(architectures, "names", lambda: SMALL)
    lines = []
    counting.write(tmp_path / "numbers.json", lines.append)
    assert lines[0] == "1: lenet5_modern, 61,706 parameters, 416,520 MACs"
    monkeypatch.setattr(numbers, "FILE", tmp_path / "numbers.json")
    numbers.kept.cache_clear()
    written = numbers.kept()
    numbers.kept.cache_clear()
    monkeypatch.undo()
    assert written == {name: listing.kept()[name] for name in SMALL}

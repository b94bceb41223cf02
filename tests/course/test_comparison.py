"""The comparison plot: what is in it, its words, and what is refused."""

import subprocess
import sys

import pytest

import course.quiet  # noqa: F401
from course import architectures, listing
from course.cli import main
from course.visualization import comparison

NETS = ("mobilenet_v2", "shufflenet_v2_x0_5")


def test_rows_are_counts_and_published_errors():
    rows = comparison.collect(NETS)
    assert [row.name for row in rows] == ["shufflenet_v2_x0_5", "mobilenet_v2"]  # by MACs
    entry = architectures.describe("mobilenet_v2")
    assert (rows[1].params, rows[1].macs) == (entry.params, entry.macs)
    assert rows[1].accuracy == 100 - entry.error("imagenet")
    assert rows[1].family == "mobilenet_v2"


def test_plot_and_table(tmp_path, capsys):
    assert main(["compare", *NETS, "--out", str(tmp_path / "new" / "plot.pdf")]) == 0
    said = capsys.readouterr().out
    assert "mobilenet_v2" in said and "72.00 %" in said
    assert (tmp_path / "new" / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "new" / "plot.svg").read_text()


def test_area_is_parameters():
    rows = [
        comparison.Compared("small", "a", 10**6, 10**8, 60.0),
        comparison.Compared("large", "b", 4 * 10**6, 10**9, 70.0),
    ]
    axes = comparison.plot(rows).axes[0]
    small, large = (circle.get_sizes()[0] for circle in axes.collections[:2])
    assert large == pytest.approx(4 * small)
    assert axes.get_xscale() == "log"
    assert {"small", "large"} <= {text.get_text() for text in axes.texts}


def boxes(axes):
    """Where each label is, without the line to its point."""
    from matplotlib.text import Text

    axes.figure.draw_without_rendering()
    return {label.get_text(): Text.get_window_extent(label) for label in axes.texts}


def test_no_label_covers_another_and_all_are_there():
    rows = comparison.collect()
    axes = comparison.plot(rows).axes[0]
    found = boxes(axes)
    assert len(found) == len(rows) == len(comparison.comparable()) > 60
    pairs = [(a, b) for a in found for b in found if a < b and found[a].overlaps(found[b])]
    assert pairs == []
    room = axes.get_window_extent()
    assert all(room.x0 <= box.x0 and box.x1 <= room.x1 for box in found.values())


def test_what_has_no_room_is_named():
    crowd = [comparison.Compared(f"network_{n:03}", "a", 10**6, 10**9, 70.0) for n in range(300)]
    axes = comparison.plot(crowd).axes[0]
    shown = set(boxes(axes))
    named = axes.get_title(loc="left").removeprefix("no room for the names of ").split(" and ")
    left_out = {row.name for row in crowd} - shown
    assert 50 < len(shown) < 300
    assert set(named[0].split(", ")) < left_out
    assert named[1] == f"{len(left_out) - 3} more"


def test_the_legends_name_families_and_areas():
    figure = comparison.plot(comparison.collect(NETS))
    families, areas = figure.legends
    assert [text.get_text() for text in families.get_texts()] == ["mobilenet_v2", "shufflenet_v2"]
    assert [text.get_text() for text in areas.get_texts()] == ["5 M", "25 M", "100 M"]
    colors = [handle.get_markerfacecolor() for handle in families.legend_handles]
    drawn = [circle.get_facecolor()[0][:3] for circle in figure.axes[0].collections]
    assert [pytest.approx(color[:3]) for color in drawn] == [color[:3] for color in colors]


def test_every_family_has_a_color_of_its_own():
    families = {row.family for row in listing.kept().values()}
    rows = [comparison.Compared(name, name, 10**6, 10**9, 50.0) for name in families]
    circles = comparison.plot(rows).axes[0].collections
    assert len({tuple(circle.get_facecolor()[0]) for circle in circles}) == len(families)


def test_it_needs_no_tensorflow_and_builds_nothing():
    code = (
        "import sys; from course.visualization import comparison\n"
        "comparison.plot(comparison.collect())\n"
        "print(*{'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_counting_again_shows_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = str(tmp_path / "plot.png")
    assert main(["compare", *NETS, "--count", "--out", out]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == [f"counted {n} of 2: {name}" for n, name in enumerate(NETS, 1)]
    assert main(["compare", *NETS, "--out", out]) == 0
    again = capsys.readouterr()
    assert (again.err, again.out) == ("", said.out)


def test_networks_without_a_number_are_refused(capsys):
    assert main(["compare", "lenet5", "mobilenet_v2"]) == 1
    assert "No ImageNet top-1 error is published for lenet5" in capsys.readouterr().err
    with pytest.raises(ValueError, match="Did you mean mobilenet_v2"):
        comparison.collect(["mobilenet_v22"])
    assert "resnet34" not in comparison.comparable()  # its error is of ten crops

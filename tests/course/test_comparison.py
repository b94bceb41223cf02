"""The comparison plot: what is in it, its words, and what is refused."""

import pytest

import course.quiet  # noqa: F401
from course import architectures
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


def test_networks_without_a_number_are_refused(capsys):
    assert main(["compare", "lenet5", "mobilenet_v2"]) == 1
    assert "No ImageNet top-1 error is published for lenet5" in capsys.readouterr().err
    with pytest.raises(ValueError, match="Did you mean mobilenet_v2"):
        comparison.collect(["mobilenet_v22"])
    assert "resnet34" not in comparison.comparable()  # its error is of ten crops

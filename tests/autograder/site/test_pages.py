"""The sources of pages: units, guides, the gallery, the reference."""

import json
import pkgutil

import nbformat
import pytest

import course
from autograder.site import api, assemble, gallery, papers, units
from autograder.site.docstrings import prepare
from autograder.site.links import Links
from autograder.site.markdown import linked
from autograder.site.profiles import Part, Profile, by_resolution
from autograder.site.source import SourceTree
from course import architectures, sizing
from tests.conftest import ROOT


@pytest.fixture
def project(tmp_path):
    """Two units, one of which has no assignment."""
    text = nbformat.v4.new_markdown_cell
    code = nbformat.v4.new_code_cell
    for name in ("01_first", "02_second"):
        cells = [text(f"# {name[:2]} · A title\n\nSee `docs/grading.md`."), code("1 + 1")]
        cells.append(text("## To read\n\n- A. Author, *A paper*, 2015."))
        _write(tmp_path / "lectures" / f"{name}.ipynb", cells)
        (tmp_path / "lectures" / f"{name}.py").write_text("1 + 1\n")
    graded = code("question.score()", metadata={"nbgrader": {"grade": True, "solution": False}})
    _write(
        tmp_path / "assignments" / "01_first" / "01_first.ipynb",
        [text("# 01 · A title\n\nDo it."), code("answer = 1"), graded],
    )
    return tmp_path


def _write(path, cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def _units(project):
    return units.find(project / "lectures", project / "assignments")


def _page(folder, name):
    return json.loads((folder / name).read_text())


def test_lecture_and_assignment_lead_to_each_other(project):
    first, second = _units(project)
    tree = SourceTree(project / "out")
    for unit in (first, second):
        units.write(tree, unit, Links(), {"grading.md": "guides/grading.md"})
    lecture = _page(tree.folder, "lectures/01_first.ipynb")
    top, end = lecture["cells"][0]["source"], lecture["cells"][-1]["source"]
    assert "[Its assignment](../assignments/01_first.ipynb)" in top
    assert "[`docs/grading.md`](../guides/grading.md)" in top and "Open in" not in top
    assert "(../assignments/01_first.ipynb)" in end
    assignment = _page(tree.folder, "assignments/01_first.ipynb")
    assert "[Its lecture](../lectures/01_first.ipynb)" in assignment["cells"][0]["source"]
    assert assignment["cells"][0]["source"].startswith("# Assignment 01 · A title\n")
    assert "assignment" not in json.dumps(_page(tree.folder, "lectures/02_second.ipynb"))
    assert (tree.folder / "notebooks/lectures/01_first.ipynb").read_bytes() == (
        project / "lectures/01_first.ipynb"
    ).read_bytes()


def test_assignments_are_not_executed_and_their_tests_are_folded(project):
    tree = SourceTree(project / "out")
    units.write(tree, _units(project)[0], Links(), {})
    page = _page(tree.folder, "assignments/01_first.ipynb")
    assert page["metadata"]["mystnb"] == {"execution_mode": "off"}
    _, answer, test = page["cells"]
    assert "tags" not in answer["metadata"] and test["metadata"]["tags"] == ["hide-input"]


def test_every_unit_opens_elsewhere_if_the_repository_is_set(project):
    tree = SourceTree(project / "out")
    for unit in _units(project):
        units.write(tree, unit, Links("https://github.com/a/b"), {})
    for page, place in (
        ("lectures/01_first", "lectures/01_first.ipynb"),
        ("lectures/02_second", "lectures/02_second.ipynb"),
        ("assignments/01_first", "assignments/01_first/01_first.ipynb"),
    ):
        top = _page(tree.folder, f"{page}.ipynb")["cells"][0]["source"]
        assert f"github/a/b/blob/main/{place})" in top and "labpath=" in top
        assert "%pip install -q git+https://github.com/a/b`" in top


def test_a_lecture_is_executed_again_if_the_library_that_it_uses_changes(project, monkeypatch):
    script = project / "lectures/01_first.py"
    script.write_text("from course import sizing\n")
    before = units.made_of(script)
    assert units.made_of(script) == before
    monkeypatch.setenv("COURSE_STATES", "9")
    with_sliders = units.made_of(script)
    assert with_sliders != before
    monkeypatch.delenv("COURSE_STATES")
    digests = units.source_digests
    monkeypatch.setattr(
        units, "source_digests", lambda *a, **k: digests(*a, **k) | {"course/sizing/cost.py": "x"}
    )
    assert units.made_of(script) != before


def test_what_a_lecture_does_not_import_does_not_count(project):
    script = project / "lectures/01_first.py"
    script.write_text("from course.sizing import geometry\n")
    used = units.source_digests([], ("course",), sources=[script.read_text()])
    assert "course/sizing/geometry.py" in used and "course/training/trainer.py" not in used


def test_files_that_are_the_same_keep_their_time_and_others_go(tmp_path):
    tree = SourceTree(tmp_path)
    tree.write("a/b.md", "one")
    tree.write("c.md", "two")
    assert tree.finish() == ["a/b.md", "c.md"]
    before = (tmp_path / "a/b.md").stat().st_mtime_ns
    again = SourceTree(tmp_path)
    again.write("a/b.md", "one")
    assert again.finish() == ["a/b.md"]
    assert (tmp_path / "a/b.md").stat().st_mtime_ns == before
    assert not (tmp_path / "c.md").exists()


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("[x](docs/runs.md#a)", "[x](runs.md#a)"),
        ("[x](https://x.org/runs.md)", "[x](https://x.org/runs.md)"),
        ("[lecture](../lectures/01_a.ipynb)", "[lecture](../lectures/01_a.ipynb)"),
        ("[yours](../01_a/01_a.ipynb)", "[yours](../assignments/01_a.ipynb)"),
        ("`docs/runs.md` and `other.md`", "[`docs/runs.md`](runs.md) and `other.md`"),
        ("[`docs/runs.md`](docs/runs.md)", "[`docs/runs.md`](runs.md)"),
        ("```sh\ncat `docs/runs.md`\n```\n", "```sh\ncat `docs/runs.md`\n```\n"),
        ("in arXiv:1603.05027.", "in [arXiv:1603.05027](https://arxiv.org/abs/1603.05027)."),
        ("`grading.md` itself", "`grading.md` itself"),
    ],
)
def test_links_of_guides_lead_to_pages(text, becomes):
    pages = {
        "runs.md": "guides/runs.md",
        "grading.md": "guides/grading.md",
        "01_a.ipynb": "lectures/01_a.ipynb",
        "01_a/01_a.ipynb": "assignments/01_a.ipynb",
    }
    assert linked(text, "guides/grading.md", pages) == becomes


def test_every_guide_is_in_the_navigation(project):
    guides = assemble._guides(ROOT)
    page = assemble.index("# Front\n\n<!-- units -->\n", _units(project), guides)
    listed = page.split("\n")
    assert all(listed.count(guide.removesuffix(".md")) == 1 for guide in guides)
    assert (
        "| 01 · A title | [read](lectures/01_first.ipynb) | [do](assignments/01_first.ipynb) |  |"
        in page
    )
    assert set((ROOT / "docs").glob("*.md")) <= set(guides.values())


def test_guides_in_folders_have_pages_of_their_own(tmp_path):
    for name in ("docs/deploy/README.md", "docs/cloud/README.md", "docs/site/index.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("# A guide\n")
    guides = assemble._guides(tmp_path)
    assert guides["guides/deploy-readme.md"] == tmp_path / "docs/deploy/README.md"
    assert guides["guides/cloud-readme.md"] == tmp_path / "docs/cloud/README.md"
    assert not any("site" in page for page in guides)


def test_a_page_of_the_gallery_has_numbers_code_and_layers(tmp_path):
    entries = [architectures.describe(name) for name in ("lenet5", "lenet5_modern")]
    part = Part("28 x 28", 6, 1, 156, 117600)
    found = {entry.name: Profile(61706, 61706, 416520, 2**20, (part,)) for entry in entries}
    tree = SourceTree(tmp_path)
    gallery.write(tree, entries, found)
    page = (tmp_path / "gallery/lenet.md").read_text()
    assert 'model = architectures.build("lenet5")' in page
    assert "| 28 × 28 | 6 | 1 | 156 | 117,600 |" in page and "61,706" in page
    assert ".. autofunction:: course.architectures.lenet." in page
    assert "(network-lenet5)=" in page and "lenet5 0.0617 million parameters" in page
    assert (tmp_path / "gallery/lenet.svg").read_text().startswith("<?xml")
    assert "{ref}`lenet5 <network-lenet5>`" in (tmp_path / "gallery/index.md").read_text()
    assert all(family in gallery._NAMES for family in {entry.family for entry in entries})


def test_parts_add_up_to_the_network():
    report = sizing.profile(architectures.build("lenet5_modern"))
    parts = by_resolution(report.rows)
    assert sum(part.params for part in parts) == report.params
    assert sum(part.macs for part in parts) == report.macs
    assert [part.size for part in parts][-1] == "1 x 1"


def test_papers_have_their_networks_and_lectures_their_reading(project):
    entries = [architectures.describe(name) for name in ("resnet18", "resnet34", "vgg11")]
    found = papers.by_paper(entries)
    assert ["resnet18", "resnet34"] in found.values() and len(found) == 2
    first, _ = _units(project)
    assert papers.to_read(first) == "- A. Author, *A paper*, 2015."


def test_sections_of_docstrings_become_napoleons():
    lines = ["Does it.", "Input shape: (batch, n),", "    with n fixed.", "Reference:"]
    lines += ["    A and B, *C*,", "    2015.", "    D, 2016, Table 1.", "", "More."]
    assert prepare(lines) == [
        "Does it.", "", "Input shape:", "    (batch, n),", "    with n fixed.", "", "Reference:",
        "    - A and B, *C*, 2015.", "    - D, 2016, Table 1.", "", "More.",
    ]  # fmt: skip


def test_an_example_without_prompts_is_code():
    lines = ["Does it.", "", "Example:", "    f(1)", "", "    g(2)", "Raises:", "    E: no."]
    assert prepare(lines) == [
        "Does it.", "", "Example:", "    ::", "", "        f(1)", "    ", "        g(2)",
        "Raises:", "    E: no.",
    ]  # fmt: skip
    session = ["Example:", "    >>> f(1)", "    2"]
    assert prepare(session) == session


def test_the_reference_has_every_public_module_of_the_library():
    modules = {m.name for m in pkgutil.iter_modules(course.__path__, "course.")}
    public = {name for name in modules if not name.startswith("course._")}
    shown = {package.name for package in api.PACKAGES if package.name.startswith("course.")}
    assert shown | api.NOT_SHOWN == public | {"course.lectures"} and not shown & api.NOT_SHOWN


def test_the_reference_has_what_packages_export_or_define(tmp_path):
    tree = SourceTree(tmp_path)
    api.write(tree)
    index = (tmp_path / "api/index.md").read_text()
    for package in api.PACKAGES:
        assert f"[`{package.name}`]({package.name}.rst)" in index
    sizes = (tmp_path / "api/course.sizing.rst").read_text()
    assert ".. autofunction:: course.sizing.conv_output_size" in sizes
    assert ".. autoclass:: course.sizing.Report\n   :members:" in sizes
    # Imported only when it is asked for.
    assert (
        ".. autofunction:: course.transfer.features"
        in (tmp_path / "api/course.transfer.rst").read_text()
    )
    blocks = (tmp_path / "api/course.blocks.rst").read_text()
    assert ".. automodule:: course.blocks.residual\n   :members:" in blocks
    errors = (tmp_path / "api/course.datasets.rst").read_text()
    assert ".. autoexception:: course.datasets.DatasetNotFoundError" in errors

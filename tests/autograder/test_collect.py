"""Downloads from learning platforms and mail: sorted in, the newest kept, nothing lost."""

import io
import json
import os
import stat
import zipfile
from datetime import UTC, datetime

import nbformat
import pytest

from autograder.cli import main
from autograder.collect import archive as archives
from autograder.collect import found
from autograder.collect.collect import collect
from autograder.collect.names import Person, person, student_id, unit_in
from autograder.course_directory import CourseDirectory, CourseError
from tests.autograder.conftest import notebook

UNITS = ("02_sizing", "07_residual")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "down.zip/Ada Lovelace_1234_assignsubmission_file_/02_sizing.ipynb",
            Person("moodle", "Ada Lovelace", "1234"),
        ),
        (
            "down.zip/Ada Lovelace_1234_assignsubmission_file_02_sizing.ipynb",
            Person("moodle", "Ada Lovelace", "1234"),
        ),
        (
            "submissions.zip/lovelaceada_77_5555_02_sizing-1.ipynb",
            Person("canvas", "lovelaceada", "77"),
        ),
        ("submissions.zip/lovelaceada_LATE_77_5555_x.zip", Person("canvas", "lovelaceada", "77")),
        (
            "02-sizing-submissions/02-sizing-ada-l/02_sizing/02_sizing.ipynb",
            Person("github", "ada-l"),
        ),
        ("week2-submissions/week2-ada/work/02_sizing.ipynb", Person("github", "ada")),
        ("down/02-sizing-ada-main.zip/02-sizing-ada-main/02_sizing.ipynb", Person("github", "ada")),
        ("inbox/ada/02_sizing.ipynb", Person("folder", "ada")),
        ("submitted/ada/02_sizing/02_sizing.ipynb", Person("folder", "ada")),
        ("inbox/ada_02_sizing.ipynb", Person("file", "ada")),
        ("inbox/02_sizing_ada (1).ipynb", Person("file", "ada")),
        ("inbox/02_sizing_student-01.ipynb", Person("file", "student-01")),
        ("inbox/student-02_02_sizing copy 2.ipynb", Person("file", "student-02")),
        ("inbox/02-sizing ada - Copy.ipynb", Person("file", "ada")),
        ("02_sizing_ada_2026-11-28T10-00-00Z.zip", Person("file", "ada")),
        ("inbox/02_sizing.ipynb", None),
        ("02_sizing.ipynb", None),
    ],
)
def test_names(path, expected):
    assert person(tuple(path.split("/")), UNITS) == expected
    if "02_sizing" in path or "02-sizing" in path:
        assert unit_in(tuple(path.split("/")), UNITS) == "02_sizing"


def test_ids_of_names():
    assert student_id("ada.l@example.org") == "ada.l@example.org"
    assert student_id("Zoë Müller") == "zoe-muller"
    assert student_id("../../etc") == "etc"
    assert student_id("李") == ""


def answered(text="42", **cells):
    """A notebook of the small unit."""
    made = notebook()
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = text
    return nbformat.writes(made).encode()


def zipped(files, when=(2026, 11, 10, 12, 0, 0), links=()):
    """An archive of names and bytes; `links` are stored as symbolic links."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, date_time=when)
            mode = stat.S_IFLNK if name in links else stat.S_IFREG
            info.external_attr = (mode | 0o644) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def submission(student="ada", time="2026-11-10T12:00:00+00:00", data=None, **changes):
    """An archive as `course submit` makes it."""
    manifest = {"unit": "small", "student": student, "time": time, "files": {"small.ipynb": ""}}
    manifest |= changes.pop("manifest", {})
    files = {"submission.json": json.dumps(manifest), "small/small.ipynb": data or answered()}
    return zipped(files | changes)


@pytest.fixture
def gather(small_course, tmp_path):
    """Collects files, given as names and bytes; returns the events."""
    course, _ = small_course
    calls = iter(range(100))

    def gather(files, mtime="2026-11-20T12:00:00+00:00"):
        inbox = tmp_path / f"in{next(calls)}" / "inbox"
        stamp = datetime.fromisoformat(mtime).timestamp()
        for name, data in files.items():
            path = inbox / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (stamp, stamp))
        return collect(course, [inbox])

    gather.course = course
    return gather


def submitted(course, student="ada"):
    folder = course.path("submitted", student, "small")
    return {p.name: p.read_bytes() for p in folder.iterdir()} if folder.is_dir() else None


def actions(events):
    return [event.action for event in events]


def everything(course):
    """All notebooks that the course has of students."""
    folders = (course.root / "submitted", course.records / "collected")
    return {path.read_bytes() for folder in folders for path in folder.rglob("*.ipynb")}


class TestTaking:
    def test_an_archive_of_course_submit(self, gather):
        (event,) = gather({"whatever.zip": submission()})
        assert event.action == "collected" and event.what == "ada small"
        assert submitted(gather.course) == {
            "small.ipynb": answered(),
            "timestamp.txt": b"2026-11-10 12:00:00 UTC\n",
        }

    def test_nbgrader_reads_the_time(self, gather):
        gather({"a.zip": submission()})
        folder = gather.course.path("submitted", "ada", "small")
        when = gather.course.directory.get_existing_timestamp(str(folder))
        assert when == datetime(2026, 11, 10, 12)

    def test_a_download_from_moodle(self, gather):
        name = "Ada Lovelace_1234_assignsubmission_file_/small.ipynb"
        (event,) = gather({"moodle.zip": zipped({name: answered()})})
        assert event.what == "ada-lovelace small"
        local = datetime(2026, 11, 10, 12).astimezone().astimezone(UTC)
        assert f"{local:%Y-%m-%d %H:%M:%S UTC}" in str(event)

    def test_archives_inside_a_download(self, gather):
        name = "Ada Lovelace_1_assignsubmission_file_/small_ada.zip"
        (event,) = gather({"moodle.zip": zipped({name: submission()})})
        assert event.what == "ada small"

    def test_the_gradebook_knows_whom_a_platform_names(self, gather):
        with gather.course.gradebook() as gradebook:
            gradebook.update_or_create_student("al17", first_name="Ada", last_name="Lovelace")
        name = "Ada Lovelace_1_assignsubmission_file_/x.zip"
        (event,) = gather({"moodle.zip": zipped({name: submission("bela")})})
        assert event.what == "al17 small" and "its archive says 'bela'" in event.text
        (event,) = gather({"lovelaceada_7_8_small.ipynb": answered("1")})
        assert event.what == "al17 small"
        (event,) = gather({"chen/small.ipynb": answered("1")})
        assert "not among the gradebook's students" in event.text

    def test_a_renamed_notebook_is_known_by_its_cells(self, gather):
        (event,) = gather({"ada/homework.ipynb": answered()})
        assert event.what == "ada small" and "small.ipynb" in submitted(gather.course)

    def test_a_cut_off_notebook_named_after_the_unit_is_taken(self, gather):
        assert actions(gather({"ada/small.ipynb": answered()[:200]})) == ["collected"]

    def test_further_files_of_an_archive(self, gather):
        listed = {"files": {"small.ipynb": "", "data/own.csv": ""}}
        gather({"a.zip": submission(manifest=listed, **{"small/data/own.csv": "1"})})
        folder = gather.course.path("submitted", "ada", "small")
        assert (folder / "data" / "own.csv").read_text() == "1"

    def test_of_a_repository_the_edited_copy_is_taken(self, gather):
        release = gather.course.path("release", ".", "small") / "small.ipynb"
        events = gather(
            {
                "small-ada/assignments/small/small.ipynb": release.read_bytes(),
                "small-ada/lectures/small.ipynb": nbformat.writes(
                    nbformat.v4.new_notebook()
                ).encode(),
                "small-ada/work/small/small.ipynb": answered(),
                "small-ada/work/small/small_before_2026-11-01.ipynb": answered("old"),
                "small-ada/work/.course/small/small.ipynb": release.read_bytes(),
            }
        )
        assert submitted(gather.course)["small.ipynb"] == answered()
        assert sorted(actions(events)) == ["collected", "earlier", "skipped", "skipped"]


class TestNothingIsLost:
    def test_the_newest_of_several(self, gather):
        events = gather(
            {
                "1.zip": submission(data=answered("1")),
                "2.zip": submission(data=answered("2"), time="2026-11-12T12:00:00+00:00"),
                "3.zip": submission(data=answered("3"), time="2026-11-11T12:00:00+00:00"),
            }
        )
        assert actions(events) == ["collected", "earlier", "earlier"]
        assert submitted(gather.course)["small.ipynb"] == answered("2")
        assert everything(gather.course) == {answered("1"), answered("2"), answered("3")}

    def test_a_newer_one_replaces_an_earlier_collection(self, gather):
        gather({"1.zip": submission(data=answered("1"))})
        later = submission(data=answered("2"), time="2026-11-12T12:00:00+00:00")
        (event,) = gather({"2.zip": later})
        assert event.action == "updated" and "is kept in .autograder/collected" in event.text
        assert submitted(gather.course)["small.ipynb"] == answered("2")
        assert everything(gather.course) == {answered("1"), answered("2")}

    def test_an_older_one_replaces_nothing(self, gather):
        gather({"1.zip": submission(data=answered("1"))})
        earlier = submission(data=answered("0"), time="2026-11-01T12:00:00+00:00")
        (event,) = gather({"2.zip": earlier})
        assert event.action == "earlier" and "older than the one of 2026-11-10" in event.text
        assert submitted(gather.course)["small.ipynb"] == answered("1")
        assert everything(gather.course) == {answered("0"), answered("1")}

    def test_the_same_again_changes_nothing(self, gather):
        files = {"1.zip": submission(), "2.zip": submission(data=answered("0"), time="2026-01-01")}
        gather(files)
        before = everything(gather.course)
        events = gather(files)
        assert actions(events) == ["unchanged", "earlier"]
        assert everything(gather.course) == before
        assert len(list((gather.course.records / "collected" / "small" / "ada").iterdir())) == 1

    def test_what_was_put_there_by_hand_is_kept(self, gather):
        folder = gather.course.path("submitted", "ada", "small")
        folder.mkdir(parents=True)
        (folder / "small.ipynb").write_bytes(answered("by hand"))
        os.utime(folder / "small.ipynb", (0, 0))
        assert actions(gather({"1.zip": submission()})) == ["updated"]
        assert answered("by hand") in everything(gather.course)


class TestPeople:
    def test_two_of_one_name_are_left_to_a_human(self, gather):
        names = [f"Ada Lovelace_{n}_assignsubmission_file_/small.ipynb" for n in (1, 2)]
        events = gather({"moodle.zip": zipped({name: answered(name) for name in names})})
        assert actions(events) == ["skipped", "skipped"]
        assert "stands for several people" in events[0].text
        assert submitted(gather.course, "ada-lovelace") is None

    def test_nobody_takes_anothers_id(self, gather):
        gather({"Bela K_1_assignsubmission_file_x.zip": submission("bela")})
        later = submission("bela", "2026-11-30T12:00:00+00:00", answered("mine"))
        (event,) = gather({"Ada L_2_assignsubmission_file_x.zip": later})
        assert event.action == "skipped" and "(Ada L and Bela K)" in event.text
        assert submitted(gather.course, "bela")["small.ipynb"] == answered()


class TestUntrusted:
    @pytest.mark.parametrize(
        "name", ["../../ada/small.ipynb", "/ada/small.ipynb", "C:/ada/small.ipynb"]
    )
    def test_names_that_lead_out(self, gather, name):
        (event,) = gather({"a.zip": zipped({name: answered()})})
        assert event.action == "skipped" and "leads out" in event.text

    def test_links(self, gather, tmp_path):
        (event,) = gather(
            {"a.zip": zipped({"ada/small.ipynb": "/etc/passwd"}, links=["ada/small.ipynb"])}
        )
        assert event.action == "skipped" and "a link" in event.text
        folder = tmp_path / "linked"
        folder.mkdir()
        (folder / "ada").symlink_to("/etc")
        (folder / "small_ada.ipynb").symlink_to("/etc/passwd")
        events = collect(gather.course, [folder])
        assert [event.text for event in events] == ["a link", "a link"]

    def test_a_pipe_does_not_block(self, gather, tmp_path):
        (tmp_path / "pipes").mkdir()
        os.mkfifo(tmp_path / "pipes" / "small_ada.ipynb")
        (event,) = collect(gather.course, [tmp_path / "pipes"])
        assert event.text == "not a plain file"

    def test_a_bomb(self, gather, monkeypatch):
        monkeypatch.setattr(found, "MAX_NOTEBOOK", 1 << 20)
        (event,) = gather({"a.zip": zipped({"ada/small.ipynb": bytes(5 << 20)})})
        assert event.action == "skipped" and "larger than 1 MiB" in event.text

    def test_archives_of_archives_of_archives(self, gather):
        data = zipped({"ada/small.ipynb": answered()})
        for number in range(4):
            data = zipped({f"{number}.zip": data})
        (event,) = gather({"a.zip": data})
        assert "archive more than 3 deep" in event.text

    def test_too_many_files(self, gather, monkeypatch):
        monkeypatch.setattr(found, "MAX_ENTRIES", 10)
        files = {f"s{number}/small.ipynb": answered() for number in range(20)}
        events = gather({"a.zip": zipped(files)})
        assert actions(events).count("collected") == 9
        assert [e.text for e in events if e.action == "skipped"] == [
            "too many files: the rest was not looked at"
        ]

    def test_one_students_archive_does_not_use_up_the_others(self, gather, monkeypatch):
        monkeypatch.setattr(found, "MAX_ENTRIES", 30)
        monkeypatch.setattr(found, "MAX_OWN_ENTRIES", 10)
        full = zipped({f"{number}.txt": b"" for number in range(100)})
        moodle = {
            "Ada L_1_assignsubmission_file_/a.zip": full,
            "Bela K_2_assignsubmission_file_/small.ipynb": answered(),
        }
        assert "collected" in actions(gather({"moodle.zip": zipped(moodle)}))

    def test_a_list_of_files_that_would_fill_the_memory(self, gather, monkeypatch):
        monkeypatch.setattr(found, "MAX_DIRECTORY", 100)
        files = {f"s{number}/small.ipynb": b"" for number in range(20)}
        (event,) = gather({"a.zip": zipped(files)})
        assert event.text == "the archive lists too many files"

    @pytest.mark.parametrize(
        ("manifest", "says"),
        [
            ({"student": "../ada"}, "names no unit and student"),
            ({"unit": "../small"}, "names no unit and student"),
            ({"files": {"small.ipynb": "", "../x": ""}}, "is not one in the unit's folder"),
            ({"files": {"small.ipynb": "", "timestamp.txt": ""}}, "is not one in the unit's"),
            ({"files": {"small.ipynb": "", ".bashrc": ""}}, "is not one in the unit's folder"),
            ({"files": {"small.ipynb": "", "x.csv": ""}}, "x.csv is missing"),
            ({"files": {"other.ipynb": ""}}, "no notebook small.ipynb"),
            ({"files": 3}, "is damaged"),
            ({"files": {f"{n}": "" for n in range(200)}}, "more than 100 files"),
            ({"unit": "large", "files": {"large.ipynb": ""}}, "large.ipynb is missing"),
        ],
    )
    def test_wrong_archives(self, gather, manifest, says):
        (event,) = gather({"a.zip": submission(manifest=manifest)})
        assert event.action == "skipped" and says in event.text

    def test_a_time_in_the_future_is_not_believed(self, gather):
        gather({"a.zip": submission(time="2999-01-01T00:00:00+00:00")})
        assert submitted(gather.course)["timestamp.txt"] == b"2026-11-20 12:00:00 UTC\n"

    def test_other_files_are_named(self, gather):
        events = gather(
            {
                "ada/essay.pdf": b"%PDF",
                "bela/other.ipynb": nbformat.writes(nbformat.v4.new_notebook()).encode(),
                "small.ipynb": answered(),
                "broken.zip": b"PK no archive",
            }
        )
        texts = {event.what: event.text for event in events}
        assert texts["inbox/bela/other.ipynb"].startswith("not an assignment")
        assert texts["inbox/small.ipynb"] == "no name in it says whose it is"
        assert "no archive that can be read" in texts["inbox/broken.zip"]
        assert texts["inbox"] == "no notebooks: essay.pdf"

    def test_names_are_shown_as_plain_text(self, gather):
        events = gather({"a.zip": zipped({"\x1b[2Jada/x.ipynb": b"{}"})})
        assert all("\x1b" not in str(event) for event in events)


def test_a_missing_source(gather, tmp_path):
    with pytest.raises(CourseError, match="There is no file or folder"):
        collect(gather.course, [tmp_path / "nowhere"])


def test_what_was_collected_can_be_graded(gather, executor):
    from autograder.grading import grade

    gather({"a.zip": submission()})
    (outcome,) = grade(CourseDirectory(gather.course.root), executor=executor)
    assert outcome.student == "ada" and outcome.recorded


def test_on_the_command_line(gather, tmp_path, capsys):
    (tmp_path / "a.zip").write_bytes(submission())
    assert main(["collect", str(tmp_path / "a.zip"), "--course", str(gather.course.root)]) == 0
    said = capsys.readouterr().out
    assert "collected  ada small: 2026-11-10 12:00:00 UTC, from a.zip" in said
    assert "1 collected. Next: `autograder grade`." in said


def test_limits_of_archives_and_students_agree():
    from autograder.engine import submission_files

    assert found.MAX_NOTEBOOK >= submission_files.MAX_NOTEBOOK_BYTES
    assert archives.MAX_FILE <= submission_files.MAX_FILE_BYTES

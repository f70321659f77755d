import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from untrained.foundation import StorageError, UnknownName
from untrained.reports import Format, Report, formats, write_report


def test_one_file_a_format_in_the_order_asked_for(varied_report: Report, tmp_path: Path) -> None:
    paths = write_report(varied_report, tmp_path / "new" / "folder", ["csv", "markdown", "csv"])
    assert [path.name for path in paths] == ["report.csv", "report.md"]
    assert sorted(p.name for p in paths[0].parent.iterdir()) == ["report.csv", "report.md"]
    assert paths[1].read_text(encoding="utf-8") == formats["markdown"].render(varied_report)


def test_line_ends_are_the_same_everywhere(varied_report: Report, tmp_path: Path) -> None:
    for path in write_report(varied_report, tmp_path, ["csv", "markdown", "json", "html"]):
        assert b"\r" not in path.read_bytes()


def test_a_report_is_as_readable_as_any_new_file(varied_report: Report, tmp_path: Path) -> None:
    (path,) = write_report(varied_report, tmp_path, ["csv"])
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_an_unknown_format_is_named_before_anything_is_written(
    varied_report: Report, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="no report format named 'markdwon'; did you mean mark"):
        write_report(varied_report, tmp_path / "out", ["csv", "markdwon"])
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_refused(varied_report: Report, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for folder in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(StorageError, match=r"cannot write the report into .*taken.*: .*; no "):
            write_report(varied_report, folder, ["csv"])
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_renderer_that_fails_leaves_no_file(
    varied_report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Report) -> str:
        raise ZeroDivisionError

    known = dict(formats) | {"bad": Format("bad", "Bad", ".bad", fail)}
    monkeypatch.setattr(sys.modules[write_report.__module__], "formats", known)
    with pytest.raises(ZeroDivisionError):
        write_report(varied_report, tmp_path, ["csv", "bad"])
    assert list(tmp_path.iterdir()) == []


def test_two_formats_of_one_suffix_do_not_overwrite_each_other(
    varied_report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dict(formats) | {"short": Format("short", "Short", ".csv", lambda _: "short\n")}
    monkeypatch.setattr(sys.modules[write_report.__module__], "formats", known)
    paths = write_report(varied_report, tmp_path, ["csv", "short"])
    assert [path.name for path in paths] == ["report.csv", "report-short.csv"]
    assert paths[1].read_text() == "short\n"


def test_text_that_is_no_unicode_does_not_lose_the_report(tmp_path: Path) -> None:
    undecodable = os.fsdecode(b"store-\xff.sqlite")
    report = Report(title=undecodable, sections=())
    for path in write_report(report, tmp_path, ["markdown", "json", "html"]):
        assert "store-\\udcff.sqlite" in path.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are a POSIX matter")
def test_a_full_disk_keeps_the_earlier_report(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import resource, signal, sys
        from untrained.foundation import StorageError
        from untrained.reports import Report, write_report

        folder = sys.argv[1]
        write_report(Report("Earlier", ()), folder, ["json", "markdown"])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            write_report(Report("Later", (), summary="x" * 50_000), folder, ["json", "markdown"])
        except StorageError as error:
            print(error)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert "no file was written or changed" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]
    assert "Earlier" in (tmp_path / "report.md").read_text()

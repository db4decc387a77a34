"""Which files a files source hands out, in which order, and what it says about the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from townsend.problem import Invalid
from townsend.sources.files import FilesSource
from townsend.sources.found import FoundFile


def source(folder: Path, **settings: Any) -> FilesSource:
    return FilesSource("mdm", {"type": "files", **settings}, folder)


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", "utf-8")


def names(folder: Path, found: dict[str, list[FoundFile]]) -> dict[str, list[str]]:
    return {
        cls: [Path(one.name).relative_to(folder).as_posix() for one in files] for cls, files in found.items()
    }


def test_a_pattern_is_relative_to_the_project_folder(tmp_path: Path) -> None:
    put(tmp_path, "data/mdm/a.csv", "data/mdm/b.csv", "data/mdm/notes.txt", "data/other.csv")
    found = source(tmp_path, **{"class": "account_xref", "path": "data/mdm/*.csv"}).files()

    assert {"account_xref": ["data/mdm/a.csv", "data/mdm/b.csv"]} == names(tmp_path, found)


def test_several_classes_keep_the_order_of_the_settings(tmp_path: Path) -> None:
    put(tmp_path, "person.csv", "account.csv")
    found = source(tmp_path, classes={"person": "person*.csv", "account": "account*.csv"}).files()

    assert ["person", "account"] == list(found)


def test_numbers_in_names_are_read_as_numbers(tmp_path: Path) -> None:
    """part-10 comes after part-9: the later file's version of a row is the current one."""
    put(tmp_path, "part-10.csv", "part-9.csv", "part-100.csv", "b/part-1.csv")
    found = source(tmp_path, **{"class": "account", "path": "**/part-*.csv"}).files()

    assert ["b/part-1.csv", "part-9.csv", "part-10.csv", "part-100.csv"] == names(tmp_path, found)["account"]


def test_of_several_snapshots_the_last_counts(tmp_path: Path) -> None:
    put(tmp_path, "all-2026-01.csv", "all-2026-02.csv")
    mdm = source(tmp_path, **{"class": "account_xref", "path": "all-*.csv", "mode": "snapshot"})
    found = mdm.files()

    assert ["all-2026-02.csv"] == names(tmp_path, found)["account_xref"]
    assert "only the last counts, all-2026-02.csv" in mdm.notes("account_xref")[0]


def test_a_pattern_without_files_is_a_note(tmp_path: Path) -> None:
    mdm = source(tmp_path, **{"class": "account_xref", "path": "data/*.csv"})

    assert {"account_xref": []} == mdm.files()
    assert ["no file fits data/*.csv"] == mdm.notes("account_xref")


def test_folders_and_hidden_files_are_no_files(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", ".b.csv.part", ".c.csv", "d.csv/inside.txt")
    found = source(tmp_path, **{"class": "account", "path": "*.csv"}).files()

    assert ["a.csv"] == names(tmp_path, found)["account"]


def test_a_relative_pattern_cannot_climb_out(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="leads out of the project folder") as caught:
        source(tmp_path, **{"class": "account", "path": "data/../../elsewhere/*.csv"})

    assert "files.outside" == caught.value.code


def test_a_link_that_leads_outside_is_left_out_and_said(tmp_path: Path) -> None:
    put(tmp_path, "outside/secret.csv", "project/inside.csv")
    project = tmp_path / "project"
    (project / "link.csv").symlink_to(tmp_path / "outside" / "secret.csv")
    (project / "nowhere.csv").symlink_to(tmp_path / "gone.csv")
    files = source(project, **{"class": "account", "path": "*.csv"})

    assert ["inside.csv"] == names(project, files.files())["account"]
    assert ["leads out", "leads nowhere"] == [
        next(words for words in ("leads out", "leads nowhere") if words in note)
        for note in files.notes("account")
    ]


def test_an_absolute_pattern_is_taken_as_it_stands(tmp_path: Path) -> None:
    put(tmp_path, "exports/a.csv", "project/b.csv")
    found = source(tmp_path / "project", **{"class": "account", "path": f"{tmp_path}/exports/*.csv"}).files()

    assert ["exports/a.csv"] == names(tmp_path, found)["account"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"class": "account"},
        {"path": "*.csv"},
        {"class": "account", "path": "*.csv", "classes": {"person": "*.csv"}},
        {"classes": {}},
        {"classes": ["a.csv"]},
        {"classes": {"account": ["a.csv"]}},
        {"class": "account", "path": ""},
    ],
)
def test_settings_that_name_no_class_or_path_are_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"sources\.mdm") as caught:
        source(tmp_path, **settings)

    assert "settings.source" == caught.value.code


def test_an_unknown_key_is_refused_with_the_nearest_known(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="did you mean 'path'") as caught:
        source(tmp_path, **{"class": "account", "paths": "*.csv"})

    assert "settings.key" == caught.value.code

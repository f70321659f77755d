"""What the text of a file alone gives away."""

from untrained.harness.validation.candidate import LONG_TEXT, MANY_NUMBERS, SourceNote, source_notes


def test_a_plain_file_has_nothing_to_hide() -> None:
    (note,) = source_notes("import torch\nx = 3 + 4.5\n")
    assert note == SourceNote("numbers written into the file: 2", False)


def test_imports_of_accuracies_are_named() -> None:
    found = source_notes(
        "import nas_201_api\nfrom untrained.spaces import benchmarks\nfrom .x import y\n"
    )
    assert found[0].text.startswith("the file imports nas_201_api")
    assert found[1].text.startswith("the file imports untrained.spaces")
    assert [one.suspicious for one in found] == [True, True, False]


def test_tables_in_the_file_are_noticed() -> None:
    numbers = ", ".join(map(str, range(MANY_NUMBERS + 1)))
    found = source_notes(f"T = [{numbers}]\nS = {'x' * (LONG_TEXT + 1)!r}\nok = [True]\n")
    assert [one.text for one in found] == [
        "numbers written into the file: 301; look whether they are accuracies",
        "longest text written into the file: 2,001 characters; look whether it holds a table",
    ]
    assert all(one.suspicious for one in found)

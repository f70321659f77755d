"""What the text of a file alone gives away."""

from untrained.harness.validate.source import LONG_TEXT, MANY_NUMBERS, suspicions


def test_a_plain_file_has_nothing_to_hide() -> None:
    assert suspicions("import torch\nx = 3 + 4.5\n") == ["numbers written into the file: 2"]


def test_imports_of_accuracies_are_named() -> None:
    found = suspicions(
        "import nas_201_api\nfrom untrained.spaces import benchmarks\nfrom .x import y\n"
    )
    assert found[0].startswith("the file imports nas_201_api")
    assert found[1].startswith("the file imports untrained.spaces")


def test_tables_in_the_file_are_noticed() -> None:
    numbers = ", ".join(map(str, range(MANY_NUMBERS + 1)))
    found = suspicions(f"T = [{numbers}]\nS = {'x' * (LONG_TEXT + 1)!r}\nok = [True]\n")
    assert found == [
        "numbers written into the file: 301; look whether they are accuracies",
        "longest text written into the file: 2,001 characters; look whether it holds a table",
    ]

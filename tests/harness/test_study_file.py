"""A study's mistakes are named with file, line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.foundation import MalformedInput, MissingData, UnknownName
from untrained.harness.study.study import Study
from untrained.harness.study.study_file import builtin_studies, load_study, parse_study

GOOD = """\
spaces = ["nasbench201"]
indicators = [
    "naswot",
    "params",
]
inputs = "gaussian"

[population]
kind = "sample"
n = 3

[truth]
benchmark = "nasbench201-analog"
"""


def parse(text: str):
    return parse_study(text, place="s.toml", command="untrained run s.toml")


def error_of(text: str) -> str:
    with pytest.raises(MalformedInput) as caught:
        parse(text)
    return str(caught.value)


def test_a_good_study_is_read_with_defaults():
    study = parse(GOOD).study
    assert study.indicators == ("naswot", "params")
    assert study.statistics.resamples == 1000
    assert study.network_seeds == (0,)
    assert study.population_seed == 0


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("spcaes =", "spaces =", "s.toml:1: unknown key 'spcaes'; did you mean spaces or scores?"),
        ("n = -3", "n = 3", "s.toml:10: population.n = -3: input should be greater than 0"),
        ("n = 0", "n = 3", "s.toml:10: population.n = 0: input should be greater than 0"),
        ('n = "3"', "n = 3", "s.toml:10: population.n = '3': should be a whole number"),
        ("n = true", "n = 3", "s.toml:10: population.n = True: should be a whole number"),
        (
            'kind = "smaple"',
            'kind = "sample"',
            "s.toml:9: population.kind = 'smaple': input should be 'sample', 'all', 'list', "
            "'known' or 'classes'",
        ),
        (
            "[popluation]",
            "[population]",
            "s.toml:8: unknown key 'popluation'; did you mean population or options?",
        ),
        (
            'bnchmark = "nasbench201-analog"',
            'benchmark = "nasbench201-analog"',
            "s.toml:13: unknown key 'truth.bnchmark'; did you mean benchmark?",
        ),
        (
            'spaces = "nasbench201"',
            'spaces = ["nasbench201"]',
            "s.toml:1: spaces = 'nasbench201': should be a list, in square brackets",
        ),
        ("inputs = 3", 'inputs = "gaussian"', "s.toml:6: inputs = 3: should be a text, in quotes"),
        (
            "spaces = []",
            'spaces = ["nasbench201"]',
            "s.toml:1: spaces = []: should name at least one",
        ),
        (
            "spaces = [1]",
            'spaces = ["nasbench201"]',
            "s.toml:1: spaces = 1: should be a text, in quotes",
        ),
    ],
)
def test_a_wrong_key_or_value_is_the_only_complaint(wrong: str, right: str, message: str):
    assert error_of(GOOD.replace(right, wrong)) == message


def test_all_mistakes_are_listed_in_order_of_their_lines():
    text = GOOD.replace("n = 3", "n = 0").replace('inputs = "gaussian"', "inptus = 1")
    assert [line.split(":")[1] for line in error_of(text).splitlines()] == ["6", "10"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ('["naswot"]', "cannot share the scores of naswot: architectures of one functional class"),
        ('["naswto"]', "no indicator named 'naswto'; did you mean naswot"),
        ("3", "should be"),
    ],
)
def test_only_class_invariant_scores_are_shared(names: str, message: str):
    said = error_of(f"share_classes = {names}\n{GOOD}")
    assert said.startswith("s.toml:1: "), said
    assert message in said


def test_missing_keys_are_named():
    assert error_of('spaces = ["nasbench201"]\n[population]\nkind = "all"\n') == (
        "s.toml: the key 'indicators' is missing; add it"
    )


@pytest.mark.parametrize(
    ("population", "message"),
    [
        ("", 'kind "sample" needs n'),
        ('kind = "list"', 'kind "list" needs file'),
        ('kind = "all"\nn = 3', 'n belongs to kind "sample", "known" or "classes", not'),
        ('n = 3\nfile = "x"', "file belongs to kind \"list\", not to 'sample'"),
    ],
)
def test_a_population_must_be_complete_and_consistent(population: str, message: str):
    text = f'spaces = ["nasbench201"]\nindicators = "all"\n[population]\n{population}\n'
    assert error_of(text).startswith("s.toml:3: population: ")
    assert message in error_of(text)


def test_syntax_errors_have_line_and_column():
    assert error_of("a = 1\nb = = 2\n").startswith("s.toml:2:5: not TOML: Invalid value")
    assert error_of('spaces = ["nasbench201"\n').startswith(
        "s.toml:1: not TOML: Unclosed array, at the end of the file"
    )


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        (
            '"nasw0t"',
            '"naswot"',
            "s.toml:3: no indicator named 'nasw0t'; did you mean naswot",
        ),
        (
            '"nasbench2O1"',
            '"nasbench201"',
            "s.toml:1: no search space named 'nasbench2O1'; did you mean nasbench201",
        ),
        (
            'inputs = "gausian"',
            'inputs = "gaussian"',
            "s.toml:6: no input source named 'gausian'; did you mean gaussian?",
        ),
        (
            'inputs = "gaussian"\ndataset = "cifar"',
            'inputs = "gaussian"',
            "s.toml:7: no dataset named 'cifar'; did you mean cifar10",
        ),
        (
            'inputs = "gaussian"\ninitialisation = "gausian"',
            'inputs = "gaussian"',
            "s.toml:7: no initialisation named 'gausian'; did you mean gaussian?",
        ),
        (
            '"params", "te_nas"',
            '"params"',
            "s.toml:2: cannot measure te_nas: it is an aggregate, computed from ntk_condition, "
            "linear_regions. Measure those, and name te_nas among the aggregates.",
        ),
    ],
)
def test_unknown_names_are_found_on_their_line(wrong: str, right: str, message: str):
    assert error_of(GOOD.replace(right, wrong)).startswith(message)


def test_every_unknown_name_is_listed_in_order_of_its_line():
    text = GOOD.replace("naswot", "nasw0t").replace('"gaussian"', '"gausian"')
    text += '[report]\nformats = ["htlm"]\n'
    assert [line.split(":")[1] for line in error_of(text).splitlines()] == ["3", "6", "15"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('benchmark = "nasbench201-analgo"', "s.toml:13: no benchmark named 'nasbench201-analgo'"),
        ('metric = "test_acuracy"', "s.toml:13: no metric named 'test_acuracy'"),
        ('dataset = "svhn"', "s.toml:13: no dataset named 'svhn'"),
        ("epochs = 7", "s.toml:12: cifar10 baseline_accuracy "),
    ],
)
def test_a_truth_that_does_not_exist_is_found_before_anything_is_scored(line: str, message: str):
    text = GOOD.replace('benchmark = "nasbench201-analog"', line)
    if not line.startswith("benchmark"):
        text += 'benchmark = "nasbench201-analog"\n'
    assert error_of(text).startswith(message)


def test_relative_paths_are_relative_to_the_study(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "mine.toml"
    text = GOOD.replace('kind = "sample"\nn = 3', 'kind = "list"\nfile = "a.txt"')
    file.write_text(text + '\n[report]\nfolder = "out"\n')
    named = load_study(str(file))
    assert named.name == "mine"
    assert named.command == f"untrained run {file}"
    assert named.study.population.file == str(tmp_path / "sub" / "a.txt")
    assert named.study.report.folder == str(tmp_path / "sub" / "out")


def test_a_study_that_does_not_exist_suggests_one():
    with pytest.raises(UnknownName, match="did you mean nasbench201-quick"):
        load_study("nasbench201-quik")
    with pytest.raises(MissingData, match=r"study file gone\.toml does not exist; built-in"):
        load_study("gone.toml")


def test_a_study_is_listed_without_a_look_at_its_names():
    text = GOOD.replace("naswot", "nasw0t")
    study = parse_study(text, place="s.toml", command="", check_names=False).study
    assert study.indicators == ("nasw0t", "params")


def test_a_study_that_is_not_text_is_refused(tmp_path: Path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        MalformedInput, match=r"cannot read the study .*Save the file as UTF-8 text"
    ):
        load_study(str(file))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_study_may_begin_with_the_mark_of_its_encoding(tmp_path: Path, encoding: str):
    file = tmp_path / "x.toml"
    file.write_bytes(GOOD.replace("\n", "\r\n").encode(encoding))
    assert load_study(str(file)).study == parse(GOOD).study


@pytest.mark.parametrize("name", builtin_studies())
def test_built_in_studies_are_valid_and_name_their_truth(name: str, monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    study = load_study(name).study
    several = len(study.spaces) > 1  # then each has its own benchmark
    assert bool(study.truth.benchmark) != several
    if study.population.n is None:
        assert study.scores, "nobody waits for a whole space to be scored"
    else:
        assert study.population.n >= (20 if several else 40)


@given(st.permutations(["title", "seed", "inputs", "share_classes"]), st.integers(0, 3))
def test_the_line_of_a_misspelt_key_is_found_wherever_it_stands(order: list[str], which: int):
    values = {"title": '"t = 1"', "seed": "3", "inputs": '"ones"', "share_classes": "true"}
    lines = ['spaces = ["nasbench201"]', 'indicators = "all"', "population.n = 2  # title = 3"]
    lines += [f"{key} = {values[key]}" for key in order]
    lines[3 + which] = "x" + lines[3 + which]
    assert error_of("\n".join(lines)).startswith(f"s.toml:{4 + which}: unknown key ")


def test_every_default_of_the_model_passes_the_model():
    study = Study(spaces=["a"], indicators="all", population={"kind": "all"})
    assert Study.model_validate(study.model_dump()) == study


def test_the_documented_study_is_valid():
    page = Path(__file__).parents[2] / "docs" / "studies.md"
    text = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    study = parse(text).study
    assert study.factors.varied == {"batch_size": (8,)}
    assert [own.name for own in study.aggregate] == ["my_vote"]

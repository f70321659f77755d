"""Regression signals, tasks and training against formulas, scipy and a slow optimiser."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from untrained.indicators import Measurement, indicators, read
from untrained.indicators.regression.learner import Learner, Lesson
from untrained.indicators.regression.signals import (
    NUM_PHASES,
    dots,
    resized,
    sin1d,
    sin2d,
    smoothed,
    target,
)
from untrained.indicators.regression.stages import STAGE_WEIGHTS, StageRegressor, sgd, stages_of
from untrained.indicators.regression.tasks import (
    COMBO,
    DARTS,
    HIGH,
    MIDDLE,
    NASBENCH101,
    RESNET,
    SINGLES,
    Signal,
    Stage,
)
from untrained.indicators.regression.training import regression_loss
from untrained.spaces import spaces

# the same float64 formula evaluated in another order
ROUNDING = 1e-9
TASKS = [COMBO, NASBENCH101, DARTS, RESNET, *SINGLES.values()]
CONVOLUTIONS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
SHORT = "gennas_search_nasbench101_10"
"""The indicator of the fewest steps."""
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(size: int = 4, side: int = 16) -> Tensor:
    return torch.randn(size, 3, side, side, generator=generator(7), dtype=torch.float64)


def network(cell: str = CONVOLUTIONS, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return spaces["nasbench201"].build(cell, num_classes=5, channels=4, cells=1)


def phases(num_families: int) -> Tensor:
    drawn = torch.rand(num_families, NUM_PHASES, generator=generator(), dtype=torch.float64)
    return 2 * math.pi * drawn


def test_one_dimensional_waves_are_those_of_the_formula() -> None:
    phi = phases(10)
    waves = sin1d(MIDDLE, phi, torch.arange(640))
    assert waves.shape == (640, 8, 8)
    index = 0
    for beta, row in zip(MIDDLE, phi.tolist(), strict=True):
        for across in (False, True):
            for k in range(NUM_PHASES):
                f = math.cos if k % 2 else math.sin
                line = [f(2 * math.pi * beta * p + row[k]) for p in range(1, 9)]
                expected = np.tile(line, (8, 1)) if across else np.tile(line, (8, 1)).T
                np.testing.assert_allclose(waves[index], expected, atol=1e-12)
                index += 1


def test_plane_waves_are_those_of_the_formula() -> None:
    phi = phases(100)
    chosen = torch.randperm(6400, generator=generator())[:50]
    y, x = np.mgrid[1:9, 1:9]
    for number, wave in zip(chosen.tolist(), sin2d(HIGH, phi, chosen), strict=True):
        pair, flipped, k = number // 64, number % 64 >= 32, number % 32
        f = np.cos if k % 2 else np.sin
        plane = 2 * math.pi * (HIGH[pair // 10] * y + HIGH[pair % 10] * x)
        expected = f(plane + 2 * float(phi[pair, k]))
        np.testing.assert_allclose(wave, expected[::-1] if flipped else expected, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.094, 0.578, 1.0])
def test_dots_are_signs_at_exactly_the_share_of_pixels(share: float) -> None:
    maps = dots(30, share, generator())
    assert ((maps != 0).flatten(1).sum(1) == int(share * 64)).all()
    assert set(maps.flatten().tolist()) <= {-1.0, 0.0, 1.0}


def test_dots_lie_everywhere_and_have_both_signs() -> None:
    maps = dots(400, 0.25, generator())
    assert (maps.abs().sum(0) > 0).all()
    # 6400 fair signs: five standard deviations are 400
    assert abs(float(maps.sum())) < 400


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_of_more_than_all_pixels_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        dots(1, share, generator())


def test_smoothing_is_the_gaussian_filter_scaled_to_one() -> None:
    maps = dots(5, 0.4, generator())
    for plain, smooth in zip(maps.numpy(), smoothed(maps).numpy(), strict=True):
        expected = gaussian_filter(plain, 1)
        np.testing.assert_allclose(smooth, expected / abs(expected).max(), atol=1e-12)


def test_smoothing_leaves_an_empty_map_empty() -> None:
    assert not smoothed(torch.zeros(1, 8, 8, dtype=torch.float64)).any()


def test_resized_images_are_scaled_channels_of_the_batch() -> None:
    x = images(4, 16)
    maps = resized(x, 10, generator())
    low, high = x[:, :, ::2, ::2].min(), x[:, :, ::2, ::2].max()
    expected = 2 * (x[:, :, ::2, ::2] - low) / (high - low) - 1
    used = set()
    for channel in range(10):
        same = [c for c in range(3) if torch.allclose(maps[:, channel], expected[:, c])]
        assert len(same) == 1
        used.update(same)
    assert used == {0, 1, 2}
    assert (float(maps.min()), float(maps.max())) == (-1, 1)


def test_a_batch_of_one_colour_has_an_image_target_of_zeros() -> None:
    assert not resized(torch.ones(2, 3, 16, 16), 4, generator()).any()


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("kind", ["sin1d", "sin2d", "dot", "gdot"])
def test_local_signals_differ_between_images_and_shared_ones_do_not(kind, local) -> None:  # type: ignore[no-untyped-def]
    signal = Signal(kind, frequencies=MIDDLE, share=0.5, local=local)
    first, second, *_ = target(Stage((signal,)), images(), generator())
    assert torch.equal(first, second) != local


def test_a_stage_without_signals_has_a_target_of_zeros() -> None:
    goal = target(Stage(multiplier=0.25), images(), generator())
    assert goal.shape == (4, 16, 8, 8)
    assert not goal.any()


def test_a_target_is_the_weighted_sum_of_its_signals() -> None:
    parts = (Signal("dot", 1.5, share=0.3), Signal("sin1d", 0.7, HIGH))
    stream = generator()
    expected = sum(target(Stage((part,)), images(), stream) for part in parts)
    assert torch.equal(target(Stage(parts), images(), generator()), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_has_finite_targets_within_its_levels(task) -> None:  # type: ignore[no-untyped-def]
    for stage in task.stages:
        goal = target(stage, images(2), generator())
        assert goal.shape == (2, stage.num_channels, 8, 8)
        assert 0 < float(goal.abs().max()) <= sum(s.level for s in stage.signals) + ROUNDING


def test_bands_are_ten_frequencies_below_the_nyquist_limit() -> None:
    for task in TASKS:
        for stage in task.stages:
            for signal in stage.signals:
                if signal.kind.startswith("sin"):
                    assert len(signal.frequencies) == 10
                    assert all(0 < beta < 0.5 for beta in signal.frequencies)


def test_the_names_of_tasks_differ() -> None:
    """Targets are seeded by them."""
    assert len({task.name for task in TASKS}) == len(TASKS)


class Zeros(nn.Module):
    """Predicts zero everywhere."""

    def __init__(self, targets: list[Tensor]) -> None:
        super().__init__()
        self.shapes = [goal.shape for goal in targets]

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x.new_zeros(shape) for shape in self.shapes]


def zero_loss(targets: list[Tensor]) -> float:
    lesson = Lesson(images(), tuple(targets), STAGE_WEIGHTS)
    return float(lesson.loss(Zeros(targets)))


def test_predicting_zero_costs_the_weighted_mean_square_of_the_targets() -> None:
    targets = [target(stage, images(), generator(3)) for stage in COMBO.stages]
    expected = sum(w * float((t**2).mean()) for w, t in zip((0.25, 0.5, 1), targets, strict=True))
    assert zero_loss(targets) == pytest.approx(expected, rel=ROUNDING)


def regressor(cell: str = CONVOLUTIONS) -> tuple[StageRegressor, list[Tensor]]:
    net = network(cell)
    heads = [nn.Sequential(nn.BatchNorm2d(c), nn.Conv2d(c, 6, 1)) for c in (4, 8, 16)]
    targets = [
        target(Stage(stage.signals, 6 / 64), images(), generator(i))
        for i, stage in enumerate(COMBO.stages)
    ]
    return StageRegressor(net, heads).double(), targets


def learner(
    model: nn.Module, targets: list[Tensor], x: Tensor | None = None, **noise: Any
) -> Learner:
    lesson = Lesson(images() if x is None else x, tuple(targets), STAGE_WEIGHTS, **noise)
    return Learner(model, sgd(model), lesson, generator())


def test_training_is_that_of_a_slow_optimiser() -> None:
    model, targets = regressor()
    slow = copy.deepcopy(model)
    fast = learner(model, targets)
    velocity: dict[str, Tensor] = {}
    for step in range(1, 5):
        slow.train()
        slow.zero_grad()
        total = torch.zeros((), dtype=torch.float64)
        taps = slow.network.stages(images())  # type: ignore[operator]
        for weight, tap, head, goal in zip(STAGE_WEIGHTS, taps, slow.heads, targets, strict=True):
            stride = tap.shape[-1] // 8 or 1
            small = tap[:, :, ::stride, ::stride]
            if small.shape[-1] < 8:  # 16-pixel images leave 4x4 maps: every pixel twice
                small = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
            total = total + weight * (head(small) - goal).square().mean()
        total.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for name, p in slow.named_parameters():
                if p.grad is None:
                    continue
                decay = 4e-5 if "weight" in name and p.dim() > 1 else 0.0
                velocity[name] = 0.9 * velocity.get(name, 0) + p.grad + decay * p
                p.sub_(0.1 * velocity[name])
        if step % 2 == 0:
            outputs = zip(STAGE_WEIGHTS, slow(images()), targets, strict=True)
            expected = sum(w * float((y - t).detach().square().mean()) for w, y, t in outputs)
            fast.train(2)
            assert fast.evaluate() == pytest.approx(expected, rel=ROUNDING)


def test_the_noise_of_the_steps_reaches_the_training_and_not_the_evaluation() -> None:
    model, targets = regressor()
    constant = torch.full_like(images(), 0.5)
    plain = learner(copy.deepcopy(model), targets)
    noisy = learner(copy.deepcopy(model), targets, noise=lambda stream: constant)
    moved = learner(model, targets, images() + constant, evaluation_noise=-constant)
    for each in (plain, noisy, moved):
        each.train(2)
    assert noisy.evaluate() != plain.evaluate()
    assert noisy.evaluate() == pytest.approx(moved.evaluate(), rel=ROUNDING)


def drawn(stream: torch.Generator) -> Tensor:
    return 0.1 * torch.randn(images().shape, generator=stream, dtype=torch.float64)


def test_pauses_evaluations_and_snapshots_change_no_bit_of_a_training() -> None:
    model, targets = regressor()
    at_once = learner(copy.deepcopy(model), targets, noise=drawn)
    at_once.train(7)
    paused = learner(model, targets, noise=drawn)
    for steps in (2, 4, 1):
        paused.train(steps)
        paused.evaluate()
        paused.snapshot()
    assert paused.evaluate() == at_once.evaluate()
    for ours, other in zip(paused.model.parameters(), at_once.model.parameters(), strict=True):
        assert torch.equal(ours, other)


def test_a_snapshot_can_be_gone_on_from_more_than_once() -> None:
    model, targets = regressor()
    one = learner(model, targets, noise=drawn)
    fresh = one.snapshot()
    one.train(2)
    early = one.snapshot()
    one.train(3)
    late = one.evaluate()
    for start, steps in ((early, 3), (fresh, 5), (early, 3)):
        one.restore(start)
        one.train(steps)
        assert one.evaluate() == late


class Remembering(nn.Module):
    """Keeps its last activation, so that a copy of it after a pass is impossible."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))

    def stages(self, x: Tensor) -> list[Tensor]:
        maps = []
        for convolution in self.convolutions:
            x = self.last = convolution(x)
            maps.append(x)
        return maps

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1].mean((2, 3))


def test_a_network_that_keeps_activations_is_trained_across_milestones() -> None:
    with Measurement(Remembering(), [(images(), None)]) as m:
        assert math.isfinite(regression_loss(m, NASBENCH101, steps=11))


def test_convolutions_learn_and_an_empty_cell_stays_at_predicting_zero() -> None:
    model, targets = regressor()
    good = learner(model, targets)
    start = good.evaluate()
    good.train(10)
    early = good.evaluate()
    good.train(40)
    late = good.evaluate()
    assert late < early < start
    empty = learner(regressor(NOTHING)[0], targets)
    empty.train(50)
    stuck, zeros = empty.evaluate(), zero_loss(targets)
    assert late < stuck
    # the bias of a read-out can still learn the mean of a target
    assert 0.5 * zeros < stuck < 1.1 * zeros


def score(name: str, net: nn.Module, seed: int = 0, size: int = 4) -> float:
    with Measurement(net, [(images(size), None)], seed=seed) as m:
        return indicators[name](m)


def test_a_seed_fixes_the_score_and_another_one_changes_it() -> None:
    first = score(SHORT, network())
    assert score(SHORT, network()) == first
    assert score(SHORT, network(), seed=1) != first


def test_the_network_is_not_trained_itself() -> None:
    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    score(SHORT, net)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(p.grad is None for p in net.parameters())


def test_fewer_steps_are_read_off_the_training_of_more() -> None:
    """In any order, with the bits of a training of its own."""
    names = [f"gennas_search_nasbench101{suffix}" for suffix in ("_10", "_20", "_30")]
    alone = [score(name, network()) for name in names]
    assert len(set(alone)) == len(names)
    for order in (names, names[::-1]):
        with Measurement(network(), [(images(), None)]) as m:
            readings = read(m, order)
        assert [readings[name].value for name in names] == alone


def test_one_training_serves_all_numbers_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    train = Learner.train

    def counted(self: Learner, steps: int) -> None:
        taken.append(steps)
        train(self, steps)

    monkeypatch.setattr(Learner, "train", counted)
    with Measurement(network(), [(images(), None)]) as m:
        read(m, ["gennas_search_nasbench101_30", "gennas_search_nasbench101_10"])
        assert sum(taken) == 30
        read(m, ["gennas_search_nasbench101_50", "gennas_search_nasbench101_20"])
    assert sum(taken) == 50


def test_a_training_that_is_cut_short_is_taken_up_where_it_was_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A time limit can strike between any two steps; the next indicator must not see it."""
    names = ["gennas_search_nasbench101_10", "gennas_search_nasbench101_20"]
    whole = score(names[1], network())
    train = Learner.train

    def cut(self: Learner, steps: int) -> None:
        train(self, steps - 3)
        raise TimeoutError("enough")

    with Measurement(network(), [(images(), None)]) as m:
        read(m, names[:1])
        monkeypatch.setattr(Learner, "train", cut)
        with pytest.raises(TimeoutError):
            read(m, names[1:])
        monkeypatch.undo()
        assert read(m, names[1:])[names[1]].value == whole


def test_the_task_is_that_of_the_data_seed_and_not_of_the_networks_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Lesson] = []
    init = Learner.__init__

    def spied(self: Learner, model: nn.Module, optimiser: Any, lesson: Lesson, s: Any) -> None:
        seen.append(lesson)
        init(self, model, optimiser, lesson, s)

    monkeypatch.setattr(Learner, "__init__", spied)
    for seed, data_seed in ((0, 0), (5, 0), (0, 5)):
        with Measurement(network(), [(images(), None)], seed=seed, data_seed=data_seed) as m:
            regression_loss(m, NASBENCH101, steps=1)
    first, other_network, other_data = seen
    for one, same, other in zip(
        first.targets, other_network.targets, other_data.targets, strict=True
    ):
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
    noises = [lesson.evaluation_noise for lesson in seen]
    assert torch.equal(noises[0], noises[1])  # type: ignore[arg-type]
    assert not torch.equal(noises[0], noises[2])  # type: ignore[arg-type]


def test_running_statistics_are_nobodys_business() -> None:
    """After few steps they lag behind the weights, worst where the signal grows with depth."""
    usual = network()
    lagging = copy.deepcopy(usual)
    for module in lagging.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_var is not None
            module.running_var.fill_(1e-6)
    assert score(SHORT, lagging) == score(SHORT, usual)


def test_an_evaluation_leaves_running_statistics_as_they_are() -> None:
    model, targets = regressor()
    before = copy.deepcopy(model.state_dict())
    learner(model, targets).evaluate()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_cell_of_nothing_ranks_last() -> None:
    cells = [NOTHING, CONVOLUTIONS, "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|"]
    cells.append("|nor_conv_1x1~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
    losses = [score("gennas_combo_reduced", network(cell), size=8) for cell in cells]
    assert max(losses) == losses[0]


@pytest.mark.parametrize("kind", ["uniform", "gaussian"])
def test_the_noise_of_a_task_changes_its_loss(kind) -> None:  # type: ignore[no-untyped-def]
    noisy = replace(COMBO, noise=kind, noise_level=0.5)
    losses = set()
    for task in (COMBO, noisy):
        with Measurement(network(), [(images(), None)]) as m:
            losses.add(regression_loss(m, task, steps=2))
    assert len(losses) == 2
    assert all(math.isfinite(loss) for loss in losses)


def test_a_network_without_stages_is_unsupported() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with Measurement(plain, [(images(), None)]) as m:
        outcome = read(m, ["gennas_combo"])["gennas_combo"]
    assert outcome.status == "unsupported"
    assert "stages" in outcome.reason


class Halvings(nn.Module):
    """Convolutions of stride 2; the maps before each of them and the last, from one of them on."""

    def __init__(self, number: int, first: int = 0) -> None:
        super().__init__()
        self.first = first
        widths = range(4, 4 + number)
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.convolutions = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width + 1, 3, 2, padding=1), nn.BatchNorm2d(width + 1))
            for width in widths
        )

    def stages(self, x: Tensor) -> list[Tensor]:
        maps = [self.stem(x)]
        for convolution in self.convolutions:
            maps.append(convolution(maps[-1]))
        return maps[self.first :]

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[-1].mean((2, 3))


@pytest.mark.parametrize("num_stages", [4, 5])
def test_of_more_than_three_stages_the_last_three_are_read(num_stages: int) -> None:
    whole, last = Halvings(num_stages - 1), Halvings(num_stages - 1, num_stages - 3)
    last.load_state_dict(whole.state_dict())
    own = Halvings(num_stages - 1, num_stages - 4)  # its first map is not of the last three
    own.load_state_dict(whole.state_dict())
    losses = {score(SHORT, net) for net in (whole, last, own)}
    assert len(losses) == 1
    widths = [tap.shape[1] for tap in stages_of(whole, images().float())]
    assert widths == [num_stages + 1, num_stages + 2, num_stages + 3]


def test_a_network_of_two_stages_is_unsupported() -> None:
    with Measurement(Halvings(1), [(images(), None)]) as m:
        outcome = read(m, ["gennas_combo"])["gennas_combo"]
    assert outcome.status == "unsupported"
    assert outcome.reason.endswith(
        "the regression needs three stages of maps (B, C, H, W), or more; the network has 2 of "
        "[4] dimensions"
    )


def test_infinite_weights_have_no_score() -> None:
    net = network()
    with torch.no_grad():
        next(iter(net.parameters())).fill_(float("inf"))
    with Measurement(net, [(images(), None)]) as m:
        outcome = read(m, [SHORT])[SHORT]
    assert outcome.status == "diverged"


def test_one_image_is_enough() -> None:
    assert math.isfinite(score(SHORT, network(), size=1))

"""Sequence regression of a recurrent network against formulas and a slow network and optimiser."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from untrained.indicators import Measurement, indicators, read
from untrained.indicators.regression.learner import Learner
from untrained.indicators.regression.sequences import (
    LENGTH,
    NLP,
    NLP_COMBO,
    NLP_SINGLES,
    NUM_SEQUENCES,
    SequenceTask,
    sequence_learner,
)
from untrained.indicators.regression.signals import dots, sequences
from untrained.indicators.regression.tasks import HIGH, MIDDLE, Signal
from untrained.indicators.regression.training import regression_loss
from untrained.spaces import spaces

# float64; Adam divides by the root of small squares, which carries rounding further
ROUNDING = 1e-8
TASKS = [NLP, NLP_COMBO, *NLP_SINGLES.values()]
SMALL = SequenceTask("small", (Signal("sin2d", 2.0, MIDDLE),), (Signal("sin1d", 1.0, MIDDLE),), 4)


class Elman(nn.Module):
    """h_t = tanh(W x_t + U h_(t-1) + b), by itself and by the layer of torch."""

    def __init__(self, embedding_size: int = 6, hidden: int = 5) -> None:
        super().__init__()
        self.embedding_size = embedding_size
        self.layer = nn.RNN(embedding_size, hidden)

    def recurrent(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)[0]
        return out

    def forward(self, x: Tensor) -> Tensor:
        return self.recurrent(x)


def network(seed: int = 0) -> Elman:
    torch.manual_seed(seed)
    return Elman().double()


def measurement(net: nn.Module, **seeds: int) -> Measurement:
    return Measurement(net, [(torch.ones(2, 3, 8, 8), None)], **seeds)  # type: ignore[arg-type]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("length", "width"), [(8, 48), (8, 3)])
def test_sequences_are_corners_of_square_maps(length: int, width: int) -> None:
    made = sequences((Signal("dot", 1.5, share=0.4, local=False),), 5, length, width, generator())
    assert made.shape == (length, 5, width)
    assert made.is_contiguous()
    maps = 1.5 * dots(5, 0.4, generator(), max(length, width))
    for b in range(5):
        for t in range(length):
            assert torch.equal(made[t, b], maps[b, t, :width])


def test_a_wave_goes_through_time_and_features() -> None:
    """With the same increments everywhere, those of one of the task's pairs of frequencies."""
    made = sequences((Signal("sin2d", 1.0, HIGH),), 3, 8, 16, generator())
    steps = {2 * math.cos(2 * math.pi * beta) for beta in HIGH}
    for b in range(3):
        for rows in (made[:, b], made[:, b].T):
            # a sampled sinusoid obeys x(t + 1) + x(t - 1) = 2 cos(2 pi beta) x(t)
            found = ((rows[2:] + rows[:-2]) * rows[1:-1]).sum() / rows[1:-1].square().sum()
            assert min(abs(float(found) - step) for step in steps) < 1e-9


def test_smoothed_dots_are_smoothed_before_the_corner_is_cut() -> None:
    signal = Signal("gdot", 1.0, share=0.5, local=False)
    made = sequences((signal,), 2, 8, 20, generator())
    for b, plain in enumerate(dots(2, 0.5, generator(), 20).numpy()):
        smooth = gaussian_filter(plain, 1)
        expected = torch.from_numpy(smooth / abs(smooth).max())[:8]
        torch.testing.assert_close(made[:, b], expected)


@pytest.mark.parametrize("kind", ["sin1d", "sin2d", "dot", "gdot"])
def test_every_sequence_is_another(kind: Any) -> None:
    for local in (True, False):
        made = sequences((Signal(kind, 1.0, MIDDLE, 0.5, local),), 4, 8, 16, generator())
        assert len({tuple(made[:, b].flatten().tolist()) for b in range(4)}) == 4


def test_signals_add_up_and_none_of_them_is_zero() -> None:
    parts = (Signal("dot", 1.5, share=0.3), Signal("sin1d", 0.7, HIGH))
    stream = generator()
    first, second = (sequences((part,), 3, 8, 10, stream) for part in parts)
    assert torch.equal(sequences(parts, 3, 8, 10, generator()), first + second)
    assert not sequences((), 3, 8, 10, generator()).any()


def test_there_are_no_images_among_sequences() -> None:
    with pytest.raises(ValueError, match="no"):
        sequences((Signal("resize"),), 3, 8, 10, generator())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_is_finite_and_within_its_levels(task: SequenceTask) -> None:
    for signals in (task.given, task.wanted):
        made = sequences(signals, 2, LENGTH, task.width, generator())
        assert 0 < float(made.abs().max()) <= sum(s.level for s in signals) + 1e-9
        assert all(0 < beta < 0.5 for s in signals for beta in s.frequencies)


def test_the_names_of_tasks_differ() -> None:
    """Sequences are seeded by them."""
    assert len({task.name for task in TASKS}) == len(TASKS)


def learner(task: SequenceTask = SMALL, **seeds: int) -> Learner:
    with measurement(network(), **seeds) as m:
        return sequence_learner(m, task)


def test_what_goes_in_and_what_is_wanted_are_different_draws() -> None:
    lesson = learner(NLP_COMBO)._lesson
    (wanted,) = lesson.targets
    assert lesson.inputs.shape == wanted.shape == (LENGTH, NUM_SEQUENCES, NLP_COMBO.width)
    assert not torch.equal(lesson.inputs, wanted)


def test_encoder_and_decoder_begin_small() -> None:
    model = learner(NLP).model
    named = dict(model.named_parameters())
    assert named["encoder.weight"].shape == (6, 48)
    assert named["decoder.weight"].shape == (48, 5)
    for name in ("encoder.weight", "decoder.weight"):
        largest = float(named[name].detach().abs().max())
        assert 0.09 < largest <= 0.1
    assert not named["decoder.bias"].any()
    assert float(named["encoder.bias"].detach().abs().max()) <= 1 / math.sqrt(48)


def slow_outputs(p: dict[str, Tensor], x: Tensor) -> Tensor:
    outputs = []
    hidden = torch.zeros(NUM_SEQUENCES, 5, dtype=torch.float64)
    for step in x:
        seen = step @ p["encoder.weight"].T + p["encoder.bias"]
        drive = seen @ p["network.layer.weight_ih_l0"].T + p["network.layer.bias_ih_l0"]
        echo = hidden @ p["network.layer.weight_hh_l0"].T + p["network.layer.bias_hh_l0"]
        hidden = (drive + echo).tanh()
        outputs.append(hidden @ p["decoder.weight"].T + p["decoder.bias"])
    return torch.stack(outputs)


@pytest.mark.parametrize("noise_level", [0.0, 0.3])
def test_training_is_that_of_a_slow_network_and_optimiser(noise_level: float) -> None:
    task = replace(SMALL, noise="gaussian", noise_level=noise_level)
    fast = learner(task)
    lesson = fast._lesson
    x, (wanted,) = lesson.inputs, lesson.targets
    stream = generator()
    stream.set_state(fast._stream.get_state())
    p = {name: t.detach().clone().requires_grad_() for name, t in fast.model.named_parameters()}
    first = {name: torch.zeros_like(t) for name, t in p.items()}
    second = {name: torch.zeros_like(t) for name, t in p.items()}
    for step in range(1, 7):
        noise = torch.zeros_like(x)
        if noise_level:
            noise = noise_level * torch.randn(x.shape, generator=stream, dtype=torch.float64)
        loss = (slow_outputs(p, x + noise) - wanted).square().mean()
        gradients = torch.autograd.grad(loss, list(p.values()))
        with torch.no_grad():
            for (name, t), plain in zip(p.items(), gradients, strict=True):
                gradient = plain + 1.2e-6 * t
                first[name] = 0.9 * first[name] + 0.1 * gradient
                second[name] = 0.999 * second[name] + 0.001 * gradient**2
                root = (second[name] / (1 - 0.999**step)).sqrt() + 1e-8
                t.sub_(1e-3 * first[name] / (1 - 0.9**step) / root)
    seen = x if lesson.evaluation_noise is None else x + lesson.evaluation_noise
    expected = float((slow_outputs(p, seen) - wanted).square().mean().detach())
    fast.train(6)
    assert fast.evaluate() == pytest.approx(expected, rel=ROUNDING)


def test_a_recurrent_network_learns() -> None:
    each = learner(NLP_COMBO)
    start = each.evaluate()
    each.train(10)
    early = each.evaluate()
    each.train(90)
    assert each.evaluate() < early < start


def test_the_loss_of_fewer_steps_is_that_of_an_unbroken_training() -> None:
    task = replace(NLP, milestones=(10, 20))
    with measurement(network()) as m:
        whole = sequence_learner(m, task)
        for steps in (10, 20, 30):
            whole.train(10)
            assert regression_loss(m, task, steps=steps) == whole.evaluate()


def test_the_sequences_are_those_of_the_data_seed() -> None:
    usual, other_network, other_data = (
        learner(NLP, **seeds)._lesson for seeds in ({}, {"seed": 3}, {"data_seed": 3})
    )
    assert torch.equal(usual.inputs, other_network.inputs)
    assert torch.equal(usual.targets[0], other_network.targets[0])
    assert not torch.equal(usual.inputs, other_data.inputs)
    assert not torch.equal(usual.targets[0], other_data.targets[0])


def test_the_network_is_not_trained_itself() -> None:
    net = network()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with measurement(net) as m:
        assert math.isfinite(indicators["gennas_search_nlp"](m))
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def reason(net: nn.Module) -> str:
    with measurement(net) as m:
        outcome = read(m, ["gennas_search_nlp"])["gennas_search_nlp"]
    assert outcome.status == "unsupported"
    return outcome.reason


def test_a_network_of_convolutions_is_unsupported() -> None:
    text = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    net = spaces["nasbench201"].build(text, num_classes=5, channels=4, cells=1)
    assert "not recurrent" in reason(net)
    assert "embedding_size" in reason(net)


def test_one_answer_for_a_whole_sequence_is_unsupported() -> None:
    class Last(Elman):
        def recurrent(self, x: Tensor) -> Tensor:
            return super().recurrent(x)[-1]

    assert "(16, 5) of (8, 16, 6)" in reason(Last().double())


def test_infinite_weights_have_no_score() -> None:
    net = network()
    with torch.no_grad():
        dict(net.named_parameters())["layer.weight_hh_l0"].fill_(math.nan)
    with measurement(net) as m:
        assert read(m, ["gennas_search_nlp"])["gennas_search_nlp"].status == "diverged"

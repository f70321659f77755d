"""All indicators off one measurement against each by its authors' procedure, one after another.

Left out, because alone and together cost them the same: one pass a sample or class (gradsign, the
NTK scores, vkdnw) and trainings (GenNAS). linear_regions has a network of its own, naswot_live no
authors' procedure; params, depth and random take no pass of a batch.

UNTRAINED_BENCHMARK_NETWORKS sets the number of networks.
"""

import copy
import math
import os
import statistics
import time
from collections import defaultdict

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from untrained.foundation import derive
from untrained.indicators import Measurement, Protocol, indicators, read
from untrained.spaces import spaces
from untrained.spaces.nasbench201.network import ReLUConvBN

NUM_NETWORKS = int(os.environ.get("UNTRAINED_BENCHMARK_NETWORKS", "3"))
SEED = 0
SHARED = Protocol(batch_size=64, num_batches=2)

ROUNDING = 1e-2
"""Float32 in another layout: of 1e7 ReLU inputs some change sign, and gradients jump there."""
AMPLIFIED = {"grasp": 0.1, "epe_nas": 0.05, "zico": 0.05}
"""The same where terms of both signs are a hundred times their sum, where the logarithm is taken of
a correlation of nearly zero, and where rounding decides which gradients of two batches are equal
(1e-2 was measured in each case)."""


def networks(number=NUM_NETWORKS, channels=16, cells=5):
    space = spaces["nasbench201"]
    rng = np.random.default_rng(SEED)
    live = (arch for arch in iter(lambda: space.sample(rng), None) if not space.is_constant(arch))
    for arch, _ in zip(live, range(number), strict=False):
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            yield space.build(arch, num_classes=10, channels=channels, cells=cells).train()


def batches_of(protocol):
    generator = torch.Generator().manual_seed(SEED)
    shape = protocol.batch_size, 3, protocol.resolution, protocol.resolution
    return [
        (torch.randn(shape, generator=generator), torch.arange(shape[0]) % 10)
        for _ in range(protocol.num_batches)
    ]


def layers_of(net):
    return [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def draws(purpose):
    return torch.Generator().manual_seed(derive(SEED, purpose))


def gradients(net, batch, **options):
    x, y = batch
    weights = [layer.weight for layer in layers_of(net)]
    loss = functional.cross_entropy(net(x), y)
    return weights, torch.autograd.grad(loss, weights, allow_unused=True, **options)


def by_every_parameter(net, batch):
    x, y = batch
    net.zero_grad()
    functional.cross_entropy(net(x), y).backward()
    return [p.grad for p in net.parameters() if p.grad is not None]


def grad_norm(net, batches):
    by_every_parameter(net, batches[0])
    return sum(float(layer.weight.grad.norm()) for layer in layers_of(net))


def nasi(net, batches):
    return sum(float(g.square().sum()) for g in by_every_parameter(net, batches[0]))


def through_masks(net, batch):
    """Gradients by masks of ones that multiply the weights."""
    x, y = batch
    named = {f"{name}.weight": m.weight for name, m in net.named_modules() if m in layers_of(net)}
    masks = {name: torch.ones_like(weight, requires_grad=True) for name, weight in named.items()}
    masked = {name: weight.detach() * masks[name] for name, weight in named.items()}
    loss = functional.cross_entropy(torch.func.functional_call(net, masked, (x,)), y)
    return torch.autograd.grad(loss, list(masks.values()))


def snip(net, batches):
    return sum(float(g.abs().sum()) for g in through_masks(net, batches[0]))


def plain(net, batches):
    by_every_parameter(net, batches[0])
    return sum(float((layer.weight.grad * layer.weight.detach()).sum()) for layer in layers_of(net))


def fisher(net, batches):
    seen = []

    def keep(module, args, output):
        output.retain_grad()
        seen.append((module, output))

    handles = [layer.register_forward_hook(keep) for layer in layers_of(net)]
    by_every_parameter(net, batches[0])
    for handle in handles:
        handle.remove()
    total = 0.0
    for layer, output in seen:
        product = output.detach() * output.grad
        of_channel = product.reshape(*product.shape[:2], -1).sum(-1)
        fan_in = layer.weight[0].numel()
        total += fan_in * float(of_channel.square().mean(0).sum()) / 2
    return total


def grasp(net, batches):
    _, constants = gradients(net, batches[0])
    weights, slopes = gradients(net, batches[0], create_graph=True)
    product = sum((g * c).sum() for g, c in zip(slopes, constants, strict=True))
    net.zero_grad()
    product.backward()
    return -sum(float((w.detach() * w.grad).sum()) for w in weights)


def flow(net, batches):
    linear = copy.deepcopy(net).double()
    for module in linear.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x: x
    for parameter in linear.parameters():
        parameter.data.abs_()
    linear(torch.ones_like(batches[0][0][:1]).double()).sum().backward()
    return [(layer.weight.detach(), layer.weight.grad) for layer in layers_of(linear)]


def synflow(net, batches):
    return sum(float((w * g).abs().sum()) for w, g in flow(net, batches))


def logsynflow(net, batches):
    return sum(float((w * torch.log1p(g)).sum()) for w, g in flow(net, batches))


def input_gradient(net, batches):
    x = batches[0][0].clone().requires_grad_()
    net.zero_grad()
    net(x).sum().backward()
    return x.grad.flatten(1).double().numpy()


def jacov(net, batches):
    values = np.linalg.eigvalsh(np.corrcoef(input_gradient(net, batches)))
    return -float((np.log(values + 1e-5) + 1 / (values + 1e-5)).sum())


def epe_nas(net, batches):
    rows, labels = input_gradient(net, batches), batches[0][1].numpy()
    classes = [np.corrcoef(rows[labels == label]) for label in np.unique(labels)]
    return float(sum(abs(np.log(np.abs(matrix) + 1e-5).sum()) for matrix in classes))


def naswot(net, batches):
    """Mark what a backward pass reaches, then two float products a marked module.

    The wrapper ReLU-Conv-BN counts as well as the ReLU inside it; undone in the value returned.
    """
    x = batches[0][0]
    total, last, reached = np.zeros((len(x), len(x))), np.zeros((len(x), len(x))), set()

    def add(module, args, output):
        if module not in reached:
            return
        codes = (args[0].detach().reshape(len(x), -1) > 0).float()
        kernel = (codes @ codes.t()).numpy() + ((1 - codes) @ (1 - codes.t())).numpy()
        np.add(total, kernel, out=total)
        if module is net.lastact[1]:
            np.copyto(last, kernel)

    watched = [m for m in net.modules() if isinstance(m, nn.ReLU | ReLUConvBN)]
    handles = [m.register_full_backward_hook(lambda m, *_: reached.add(m)) for m in watched]
    net(x.clone().requires_grad_()).sum().backward()
    for handle in handles:
        handle.remove()
    handles = [m.register_forward_hook(add) for m in watched]
    net(x.clone())
    for handle in handles:
        handle.remove()
    return float(np.linalg.slogdet((total + last) / 2)[1])


def zico(net, batches):
    found = []
    for batch in batches:
        by_every_parameter(net, batch)
        found.append([layer.weight.grad.flatten().numpy().copy() for layer in layers_of(net)])
    total = 0.0
    for of_layer in zip(*found, strict=True):
        g = np.stack(of_layer).astype(np.float64)
        varies = g.std(0) > 0
        if varies.any():
            total += math.log((np.abs(g).mean(0)[varies] / g.std(0)[varies]).sum())
    return total


def swap(net, batches):
    units = []
    relus = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    handles = [
        m.register_forward_hook(lambda m, args, out: units.append((out > 0).flatten(1)))
        for m in relus
    ]
    with torch.no_grad():
        net(batches[0][0])
    for handle in handles:
        handle.remove()
    return float(len(torch.unique(torch.cat(units, 1).t().float(), dim=0)))


def ntk_condition(net, batches):
    """One backward pass a sample, and the product of the rows of all weights' gradients."""
    logits, rows = net(batches[0][0]), []
    for logit in logits:
        net.zero_grad()
        logit.sum().backward(retain_graph=True)
        named = net.named_parameters()
        rows.append(torch.cat([p.grad.flatten() for n, p in named if "weight" in n]))
    stacked = torch.stack(rows)
    values = torch.linalg.eigvalsh(torch.einsum("nc,mc->nm", stacked, stacked))
    return float(values[-1] / values[0])


def az_nas(net, batches):
    """Its three scores of one network share a pass in the authors' code too."""
    maps = [net.stem(batches[0][0])]
    for cell in net.cells:
        maps.append(cell(maps[-1]))
    entropies = []
    for features in maps:
        rows = features.detach().permute(0, 2, 3, 1).flatten(0, 2).double()
        rows = rows - rows.mean(0)
        values = torch.linalg.eigvalsh(rows.t() @ rows).clamp(min=0)
        p = values / values.sum()
        entropies.append(-float((p * torch.log(p + 1e-8)).sum()))
    generator, trainability = draws("az_trainability"), []
    for before, after in zip(maps[-2::-1], maps[:0:-1], strict=True):
        g_out = torch.bernoulli(torch.full(after.shape, 0.5), generator=generator) * 2 - 1
        (g_in,) = torch.autograd.grad(after, before, g_out, retain_graph=True)
        if g_in.equal(g_out):
            trainability.append(-math.inf)
            continue
        g_in = functional.pixel_unshuffle(g_in, g_in.shape[-1] // g_out.shape[-1])
        rows_in, rows_out = (g.permute(0, 2, 3, 1).flatten(0, 2) for g in (g_in, g_out))
        s = float(torch.linalg.matrix_norm(rows_in.t() @ rows_out / len(rows_out), ord=2))
        trainability.append(2 - s - 1 / (s + 1e-6))
    return {
        "az_expressivity": sum(entropies),
        "az_progressivity": min(np.diff(entropies)),
        "az_trainability": sum(trainability) / len(trainability),
    }


def maps_of_first_sample(net, batches):
    maps = []

    def keep(module, args, output):
        if output.dim() == 4:
            maps.append((module, output[0].flatten(1).double().numpy()))

    handles = [m.register_forward_hook(keep) for m in net.modules()]  # containers too
    with torch.no_grad():
        net(batches[0][0][:1])
    for handle in handles:
        handle.remove()
    return maps


def smallest(rows):
    if rows.shape[1] < 2:
        return 0.0
    centred = rows - rows.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)
    return float(np.linalg.eigvalsh(unit @ unit.T)[0])


def meco(net, batches):
    found = [(m, smallest(rows)) for m, rows in maps_of_first_sample(net, batches)]
    return sum(value for m, value in found if not any(m.children()))


def meco_opt(net, batches):
    generator, total = draws("meco_opt"), 0.0
    for module, rows in maps_of_first_sample(net, batches):
        if not any(module.children()):
            chosen = torch.randperm(len(rows), generator=generator)[:8].numpy()
            total += len(rows) / len(chosen) * smallest(rows[chosen])
    return total


def near(net, batches):
    outputs, generator = [], draws("near")
    layers = [m for m in net.modules() if hasattr(m, "weight") or isinstance(m, nn.ReLU)]
    handles = [m.register_forward_hook(lambda m, a, out: outputs.append(out)) for m in layers]
    with torch.no_grad():
        net(batches[0][0])
    for handle in handles:
        handle.remove()
    total = 0.0
    for output in outputs:
        rows = output.movedim(1, -1).flatten(0, -2)
        size = rows.shape[1]
        if len(rows) >= 2 * size:
            start = int(torch.randint(len(rows) // size, (), generator=generator)) * size
            rows = rows[start:]
        values = torch.linalg.svdvals(rows[:size].double())
        if values.sum() > 0:
            total += float(torch.special.entr(values / values.sum()).sum().exp())
    return total


def zen(net, batches):
    generator, shape, total = draws("zen"), batches[0][0].shape, 0.0
    drawn = copy.deepcopy(net)
    for module in drawn.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = torch.randn(module.weight.shape, generator=generator)
            module.weight.data = weight
    x = torch.randn(shape, generator=generator)
    e = torch.randn(shape, generator=generator)
    variances = []

    def note(module, args):
        variances.append(float(args[0].double().var((0, 2, 3), correction=0).mean()))

    norms = [m for m in drawn.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        handles = [m.register_forward_pre_hook(note) for m in norms]
        before = drawn.features(x)
        for handle in handles:
            handle.remove()
        after = drawn.features(x + 0.01 * e)
    total = math.log(float((after - before).flatten(1).norm(dim=1).mean()))
    return total + sum(math.log(v) / 2 for v in variances if v > 0)


def flops(net, batches):
    counted = []

    def count(module, args, output):
        counted.append(output[0].numel() * module.weight[0].numel())

    handles = [layer.register_forward_hook(count) for layer in layers_of(net)]
    with torch.no_grad():
        net.eval()(batches[0][0][:1])
    net.train()
    for handle in handles:
        handle.remove()
    return float(sum(counted))


def l2_norm(net, batches):
    return sum(float(layer.weight.detach().norm()) for layer in layers_of(net))


ALONE = {
    **{p.__name__: p for p in (grad_norm, nasi, snip, plain, fisher, grasp, synflow, logsynflow)},
    **{p.__name__: p for p in (jacov, epe_nas, naswot, zico, swap, meco, meco_opt, near, zen)},
    **{p.__name__: p for p in (flops, l2_norm)},
}
AZ_NAS = ["az_expressivity", "az_progressivity", "az_trainability"]
NAMES = [*ALONE, *AZ_NAS]
FAMILIES = {
    "gradients": ["snip", "grad_norm", "plain", "nasi", "fisher"],
    "swap": ["swap"],
    "ntk_condition": ["ntk_condition"],
}


def grouped(protocols):
    """Indicators by the batches that they are read off; one without inputs takes any."""
    groups = defaultdict(list)
    for name, p in protocols.items():
        inputs = p.inputs if p.inputs != "none" else "images"
        size = p.batch_size if p.inputs != "none" else 64
        key = Protocol(
            inputs=inputs, batch_size=size, num_batches=p.num_batches, resolution=p.resolution
        )
        groups[key].append(name)
    return groups


def timed(procedure, *args):
    begin = time.process_time()
    value = procedure(*args)
    return time.process_time() - begin, value


def together(net, groups):
    values = {}
    for names, batches in groups:
        with Measurement(net, batches, seed=SEED) as measurement:
            values |= {name: r.value for name, r in read(measurement, names).items()}
    return values


def apart(net, groups):
    seconds, values = {}, {}
    for names, batches in groups:
        for name in names:
            if name not in AZ_NAS:
                procedure = ALONE.get(name, ntk_condition)
                seconds[name], values[name] = timed(procedure, net, batches)
        if set(AZ_NAS) & set(names):
            seconds["az_nas"], three = timed(az_nas, net, batches)
            values |= three
    return seconds, values


def tolerance(name, values):
    if name == "plain":
        return pytest.approx(values[name], abs=ROUNDING * values["snip"])
    return pytest.approx(values[name], rel=AMPLIFIED.get(name, ROUNDING))


def compared(benchmark, drawn, protocols):
    """Time both ways on each network, one thread; add the ratios to the benchmark."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    groups = [(names, batches_of(key)) for key, names in grouped(protocols).items()]
    pairs = []

    def score_all():
        for net in drawn:
            if not pairs:
                together(net, groups)  # the first pass of a process sets up its kernels
            own_s, own = timed(together, net, groups)
            each_s, each = apart(net, groups)
            pairs.append((own_s, each_s, own, each))

    try:
        benchmark.pedantic(score_all, rounds=1)
    finally:
        torch.set_num_threads(threads)
    ratios = [sum(each_s.values()) / own_s for own_s, each_s, *_ in pairs]
    benchmark.extra_info.update(
        seconds=statistics.median(p[0] for p in pairs),
        seconds_alone=statistics.median(sum(p[1].values()) for p in pairs),
        ratio_median=statistics.median(ratios),
        ratio_min=min(ratios),
        ratio_max=max(ratios),
        each_alone={name: statistics.median(p[1][name] for p in pairs) for name in pairs[0][1]},
    )
    for _, _, own, each in pairs:
        assert own.keys() == each.keys() == protocols.keys()
        for name in protocols:
            assert own[name] == tolerance(name, each), name


@pytest.mark.parametrize("reference", [False, True], ids=["one_protocol", "reference_protocols"])
def test_all_together_against_each_alone(benchmark, reference):
    chosen = {name: indicators[name].protocol if reference else SHARED for name in NAMES}
    compared(benchmark, networks(), chosen)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_against_each_alone(benchmark, family):
    chosen = {name: indicators[name].protocol for name in FAMILIES[family]}
    if family == "gradients":
        chosen = dict.fromkeys(chosen, SHARED)
    sizes = {(p.channels, p.cells) for p in chosen.values()}
    ((channels, cells),) = sizes
    compared(benchmark, networks(16, channels or 16, cells or 5), chosen)

"""Batches are what their protocol says, and nothing else decides them."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from untrained.foundation import MalformedInput, MissingData
from untrained.harness.data.inputs import batches, batches_on, read_images
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions
from untrained.indicators import Protocol, indicators
from untrained.spaces import Dataset

GAUSSIAN = Protocol(inputs="gaussian", batch_size=6, resolution=8, labels="random")


def test_gaussian_inputs_are_the_same_bits_again_and_differ_by_data_seed_and_batch():
    batches.cache_clear()
    (first,), _ = zip(*batches(GAUSSIAN), strict=True)
    batches.cache_clear()
    (again,), _ = zip(*batches(GAUSSIAN), strict=True)
    assert torch.equal(first, again)
    assert not torch.equal(first, batches(GAUSSIAN.replace(data_seed=1))[0][0])
    one, two = batches(GAUSSIAN.replace(num_batches=2))
    assert torch.equal(one[0], first)
    assert not torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])


def test_gaussian_inputs_are_standard_normal():
    ((inputs, _),) = batches(GAUSSIAN.replace(batch_size=64, resolution=32))
    assert inputs.shape == (64, 3, 32, 32)
    assert abs(float(inputs.mean())) < 0.01
    assert abs(float(inputs.std()) - 1) < 0.01


def test_inputs_do_not_depend_on_labels_or_the_global_generator():
    torch.manual_seed(1)
    ((inputs, labels),) = batches(GAUSSIAN)
    torch.manual_seed(2)
    batches.cache_clear()
    ((bare, none),) = batches(GAUSSIAN.replace(labels="none"))
    assert torch.equal(inputs, bare)
    assert none is None
    assert labels is not None
    assert labels.dtype == torch.int64
    assert int(labels.min()) >= 0
    assert int(labels.max()) < 10


def test_float64_inputs_are_the_float32_ones():
    ((wide, _),) = batches(GAUSSIAN.replace(dtype="float64"))
    assert wide.dtype == torch.float64
    assert torch.equal(wide, batches(GAUSSIAN)[0][0].double())


def test_a_score_without_a_batch_is_shown_ones_of_the_right_shape():
    ((inputs, labels),) = batches(Protocol(inputs="none", resolution=16, labels="none"))
    assert torch.equal(inputs, torch.ones(2, 3, 16, 16))
    assert labels is None
    assert torch.equal(batches(GAUSSIAN.replace(inputs="ones"))[0][0], torch.ones(6, 3, 8, 8))


def image_protocol(**changes: object) -> Protocol:
    return resolve(Protocol(batch_size=5, num_batches=2, **changes), Conditions(inputs="cifar10"))


@pytest.mark.usefixtures("image_file")
def test_images_are_the_drawn_rows_normalised_pixel_by_pixel(pictures: list[np.ndarray]):
    protocol = image_protocol()
    assert len(set(protocol.sample_ids)) == 10
    for b, (inputs, labels) in enumerate(batches(protocol)):
        ids = protocol.sample_ids[5 * b : 5 * b + 5]
        assert labels is not None
        assert labels.tolist() == [i % 10 for i in ids]
        for row, i in enumerate(ids):
            for channel, (mean, std) in enumerate(
                zip((125.3, 123.0, 113.9), (63.0, 62.1, 66.7), strict=True)
            ):
                expected = (pictures[i][:, :, channel] / 255 - mean / 255) / (std / 255)
                assert np.allclose(inputs[row, channel].numpy(), expected, atol=1e-6)


def thin_protocol(inputs: str, batch: int = 20, **changes: object) -> Protocol:
    reference = indicators["linear_regions"].protocol.replace(batch_size=batch)
    return resolve(reference, Conditions(inputs=inputs, **changes))


@pytest.mark.usefixtures("image_file")
def test_a_thin_network_sees_a_piece_of_each_drawn_image_in_one_colour(pictures: list[np.ndarray]):
    protocol = thin_protocol("cifar10")
    found = []
    for b, (inputs, labels) in enumerate(batches(protocol)):
        assert labels is None
        assert inputs.shape == (20, 1, 3, 3)
        for row, i in enumerate(protocol.sample_ids[20 * b : 20 * b + 20]):
            mean, std = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
            image = ((pictures[i] - mean) / std).transpose(2, 0, 1)
            windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(1, 2))
            near = np.isclose(windows, inputs[row, 0].numpy(), atol=1e-5).all((3, 4))
            assert near.sum() == 1
            found.append((i, *map(int, np.argwhere(near)[0])))
    assert len(set(found)) == 60  # an image that comes again is cropped elsewhere
    assert {colour for _, colour, _, _ in found} == {0, 1, 2}


@pytest.mark.usefixtures("image_file")
def test_crops_follow_the_data_seed():
    first = batches(thin_protocol("cifar10"))
    batches.cache_clear()
    again = batches(thin_protocol("cifar10"))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))
    other = batches(thin_protocol("cifar10", seed=1))
    assert not torch.equal(first[0][0], other[0][0])


def test_noise_for_a_thin_network_is_small_standard_normal_and_in_one_channel():
    protocol = thin_protocol("gaussian", batch=1000)
    inputs = [x for x, _ in batches(protocol)]
    assert [tuple(x.shape) for x in inputs] == [(1000, 1, 3, 3)] * 3
    assert abs(float(torch.cat(inputs).mean())) < 0.03
    assert abs(float(torch.cat(inputs).std()) - 1) < 0.03
    assert not torch.equal(inputs[0], inputs[1])
    assert thin_protocol("gaussian").source == ""


@pytest.mark.usefixtures("image_file")
def test_image_labels_are_random_or_absent_as_the_protocol_says():
    true, random = image_protocol(), image_protocol(labels="random")
    assert true.sample_ids == random.sample_ids
    (inputs, labels), _ = batches(random)
    assert torch.equal(inputs, batches(true)[0][0])
    assert labels is not None
    assert not torch.equal(labels, batches(true)[0][1])
    assert batches(image_protocol(labels="none"))[0][1] is None


@pytest.mark.usefixtures("image_file")
def test_a_smaller_batch_is_the_beginning_of_a_larger():
    large = resolve(Protocol(batch_size=20), Conditions(inputs="cifar10"))
    small = resolve(Protocol(batch_size=7), Conditions(inputs="cifar10"))
    assert large.sample_ids[:7] == small.sample_ids
    other = resolve(Protocol(batch_size=7), Conditions(inputs="cifar10", seed=1))
    assert other.sample_ids != small.sample_ids


def test_another_file_than_the_protocols_is_refused(image_file: Path, pictures, write_images):
    protocol = image_protocol()
    write_images(image_file, pictures[::-1], [0] * len(pictures))
    batches.cache_clear()
    with pytest.raises(MalformedInput, match=r"CIFAR-10 are not those of the protocol: SHA-256"):
        batches(protocol)


def test_missing_images_say_where_they_were_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    told = r"cifar100-train\.parquet does not exist.*untrained data fetch cifar100-images.*Gaussian"
    with pytest.raises(MissingData, match=told):
        resolve(Protocol(), Conditions(inputs="cifar100"))


def test_a_stand_in_that_is_there_is_offered_and_gives_batches(tmp_path, monkeypatch, write_images):
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(4)]
    write_images(tmp_path / "images" / "imagenet16-train.parquet", pixels, [999, 0, 500, 120])
    with pytest.raises(MissingData, match="or the stand-in imagenet16, which is there"):
        resolve(Protocol(), Conditions(inputs="imagenet16-120"))
    protocol = resolve(Protocol(batch_size=4), Conditions(inputs="imagenet16"))
    assert protocol.describe().startswith("imagenet16 images, batch 4, true labels")
    assert (protocol.num_classes, protocol.resolution) == (1000, 16)
    ((inputs, labels),) = batches(protocol)
    assert inputs.shape == (4, 3, 16, 16)
    assert labels is not None
    assert sorted(labels.tolist()) == [0, 120, 500, 999]


@pytest.mark.parametrize("keep", [100, -200])
def test_a_truncated_image_file_is_the_users_error(image_file: Path, keep: int):
    image_file.write_bytes(image_file.read_bytes()[:keep])
    with pytest.raises(MalformedInput, match=r"truncated: get the file again"):
        image_protocol()


def test_corrupt_pages_are_the_users_error(image_file: Path):
    content = bytearray(image_file.read_bytes())
    content[40 : len(content) // 2] = bytes(len(content) // 2 - 40)  # the footer stays whole
    image_file.write_bytes(bytes(content))
    with pytest.raises(MalformedInput, match=r"cifar10-train\.parquet"):
        batches(image_protocol())


def test_labels_of_another_dataset_are_refused(image_file: Path, pictures, write_images):
    write_images(image_file, pictures, [99] * len(pictures))
    with pytest.raises(MalformedInput, match=r"labels 99 to 99, but CIFAR-10 has classes 0 to 9"):
        batches(image_protocol())


@pytest.mark.parametrize(
    ("labels", "kind"), [(["cat"] * 24, "string"), ([0.5] * 24, "double"), ([None] * 24, "null")]
)
def test_labels_that_are_no_whole_numbers_are_refused(image_file: Path, labels: list, kind: str):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(image_file)
    pq.write_table(table.set_column(1, "label", pa.array(labels)), image_file)
    with pytest.raises(MalformedInput, match=rf"label of {kind} instead of whole numbers"):
        image_protocol()


def test_a_missing_label_is_refused(image_file: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(image_file)
    labels = pa.array([*range(10), *range(10), 0, 1, 2, None])
    pq.write_table(table.set_column(1, "label", labels), image_file)
    with pytest.raises(MalformedInput, match=r"row 23: it has no label"):
        batches(resolve(Protocol(batch_size=24), Conditions(inputs="cifar10")))


def test_pictures_of_another_size_are_refused(image_file: Path, pictures, write_images):
    write_images(image_file, [p[:16, :16] for p in pictures], [0] * len(pictures))
    with pytest.raises(MalformedInput, match=r"16 x 16 pixels, but CIFAR-10 has 32 x 32"):
        batches(image_protocol())


def test_a_cell_that_is_no_picture_is_refused(image_file: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = [{"bytes": b"no picture", "path": ""}] * 24
    pq.write_table(pa.table({"img": cells, "label": pa.array([0] * 24, pa.int64())}), image_file)
    with pytest.raises(MalformedInput, match=r"row \d+: the column img holds no picture"):
        batches(image_protocol())


def test_a_picture_that_says_it_is_huge_is_refused(image_file: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    huge = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    cells = [{"bytes": huge, "path": ""}] * 24
    pq.write_table(pa.table({"img": cells, "label": pa.array([0] * 24, pa.int64())}), image_file)
    with pytest.raises(MalformedInput, match=r"holds no picture \(DecompressionBombError"):
        batches(image_protocol())


def test_a_column_that_is_there_twice_is_refused(image_file: Path):
    import pyarrow.parquet as pq

    table = pq.read_table(image_file)
    pq.write_table(table.append_column("label", table["label"]), image_file)
    with pytest.raises(
        MalformedInput, match=r"the columns img, label, label; expected .* each once"
    ):
        image_protocol()


def test_foreign_columns_are_named(image_file: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), image_file)
    with pytest.raises(MalformedInput, match=r"not an image set: it has the columns x;"):
        image_protocol()


@pytest.mark.skipif("UNTRAINED_DATA" not in os.environ, reason="UNTRAINED_DATA names no data")
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16"])
def test_real_images_are_roughly_normalised(dataset: str):
    protocol = resolve(Protocol(batch_size=256), Conditions(inputs=dataset))
    ((inputs, labels),) = batches(protocol)
    assert labels is not None
    assert len(labels.unique()) > 9
    assert float(inputs.mean(dim=(0, 2, 3)).abs().max()) < 0.1
    assert float((inputs.std(dim=(0, 2, 3)) - 1).abs().max()) < 0.1


def test_pictures_of_one_channel_are_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    grey = Dataset("grey", "Grey", 3, 4, mean=(100.0,), std=(50.0,))
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    (tmp_path / "images").mkdir()
    table = pa.table({"img": [{"bytes": stream.getvalue(), "path": ""}], "label": [2]})
    pq.write_table(table, tmp_path / "images" / grey.file_name)
    images, labels = read_images(grey, [0])
    assert labels.tolist() == [2]
    np.testing.assert_allclose(images, (pixels[None, None] - 100.0) / 50.0, rtol=1e-6)


def test_batches_are_moved_to_a_device_once_and_kept_for_all_indicators():
    assert batches_on(GAUSSIAN, "cpu") is batches(GAUSSIAN)
    moved = batches_on(GAUSSIAN, "meta")
    assert [(x.device.type, x.shape) for x, _ in moved] == [
        ("meta", x.shape) for x, _ in batches(GAUSSIAN)
    ]
    protocols = [GAUSSIAN.replace(data_seed=seed) for seed in range(40)]
    kept = [(batches_on(p, "cpu"), batches_on(p, "meta")) for p in protocols]
    again = [(batches_on(p, "cpu"), batches_on(p, "meta")) for p in protocols]
    pairs = zip(sum(kept, ()), sum(again, ()), strict=True)
    assert all(one is two for one, two in pairs)
    assert batches_on(GAUSSIAN, "meta") is moved

"""Words as inputs: drawn, or of the shipped text."""

import pytest
import torch

from untrained.foundation import MalformedInput
from untrained.harness.data.inputs import batches, read_images, text_words
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions
from untrained.indicators import indicators
from untrained.spaces import data_folder, datasets


def made(indicator: str, **given: object):
    conditions = Conditions(resolution=12, batch_size=4, **given)
    protocol = resolve(indicators[indicator].protocol, conditions)
    return protocol, batches(protocol)


def test_the_text_is_numbered_by_frequency() -> None:
    words = text_words()
    counts = words.bincount()[1:]
    assert (len(words), len(counts)) == (1353, 404)
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)
    assert counts.sum() == len(words)


def test_drawn_words_are_of_the_vocabulary_and_follow_the_seed() -> None:
    protocol, ((words, labels),) = made("snip", inputs="words", dataset="glue")
    assert (words.shape, words.dtype) == ((4, 12), torch.int64)
    assert words.min() > 0
    assert words.max() < 30_522
    assert set(labels.tolist()) <= {0, 1}
    assert "random words, batch 4, random labels" in protocol.describe()
    assert "12 words a sequence" in protocol.describe()
    _, ((other, _),) = made("snip", inputs="words", dataset="glue", seed=1)
    assert not torch.equal(words, other)


def test_the_label_of_a_text_is_the_word_that_follows() -> None:
    protocol, ((words, labels),) = made("snip", inputs="text", dataset="openwebtext")
    text = text_words().repeat(2)
    windows = text.unfold(0, 13, 1)
    for sequence, label in zip(words, labels, strict=True):
        assert (windows == torch.cat([sequence, label[None]])).all(1).any()
    assert protocol.labels == "true"
    protocol, ((_, labels),) = made("snip", inputs="text", dataset="glue")
    assert protocol.labels == "random"
    assert labels.max() < 2


@pytest.mark.parametrize("indicator", ["params", "zico", "naswot"])
def test_every_protocol_gets_words(indicator: str) -> None:
    protocol, pairs = made(indicator, dataset="glue")
    assert len(pairs) == protocol.num_batches
    assert all(words.dtype == torch.int64 and words.shape[1] == 12 for words, _ in pairs)


def test_words_need_a_dataset_of_text() -> None:
    with pytest.raises(MalformedInput, match="the dataset 'cifar10' has images"):
        made("snip", inputs="words")


def test_enlarged_images_are_those_of_the_smaller_dataset() -> None:
    large, small = datasets["cifar100-64"], datasets["cifar100"]
    if not (data_folder() / "images" / small.file_name).is_file():
        pytest.skip("no images of CIFAR-100: set UNTRAINED_DATA to a folder that has them")
    images, labels = read_images(large, [0, 1])
    originals, same = read_images(small, [0, 1])
    assert images.shape == (2, 3, 64, 64)
    assert (labels == same).all()
    shrunk = images.reshape(2, 3, 32, 2, 32, 2).mean((3, 5))
    assert abs(shrunk - originals).mean() < 0.1

"""A protocol's digest is part of every stored score's key: it must not move."""

from untrained.indicators import Protocol, indicators


def test_a_field_added_later_leaves_older_digests_alone():
    assert Protocol(inputs="gaussian", batch_size=128, labels="none").digest == "9ff8e15e5ec8448e"
    assert Protocol(inputs="none", batch_size=1, labels="none").digest == "5810bfdd16bccab4"


def test_a_protocol_survives_its_own_text():
    for item in indicators.values():
        assert Protocol.from_json(item.protocol.canonical) == item.protocol


def test_another_skeleton_is_another_protocol_and_says_so():
    thin = Protocol(skeleton="thin")
    assert thin.digest != Protocol().digest
    assert "thin skeleton" in thin.describe()

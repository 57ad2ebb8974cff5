"""What is published of well-known networks, by the names of their nodes."""

from __future__ import annotations

import pytest

from converter.source_model.published import look_up, recognise_caffe


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("MobilenetV1/Conv2d_0/weights", (127.5,)),
        ("module_apply_default/MobilenetV2/expanded_conv/Conv2D", (127.5,)),
        ("InceptionV3/Conv2d_1a/weights", (127.5,)),
        ("functional_1/mobilenet_1.00_224_1/conv1/Conv2D", (127.5,)),
        ("model/resnet50v2/conv1_conv/Conv2D", (127.5,)),
        ("model/resnet50/conv1_conv/Conv2D", (103.939, 116.779, 123.68)),
        ("model/vgg16_1/block1_conv1/Conv2D", (103.939, 116.779, 123.68)),
    ],
)
def test_a_network_is_known_by_its_names(name, mean):
    """The scaling that its authors published, with where that is written."""
    found = look_up(["input", name])
    assert found is not None
    assert found.mean == mean
    assert found.source


def test_other_names_tell_nothing():
    """A name that only resembles one is no network that is known."""
    assert look_up(["input", "my_mobile_net/conv", "resnetish/conv", "dense/MatMul"]) is None


def test_caffes_means_stand_in_an_order():
    """Blue first or red first, also rounded; other means tell no order."""
    assert recognise_caffe((104.0, 117.0, 123.0)) == "BGR"
    assert recognise_caffe((123.68, 116.78, 103.94)) == "RGB"
    assert recognise_caffe((127.5, 127.5, 127.5)) is None
    assert recognise_caffe((127.5,)) is None

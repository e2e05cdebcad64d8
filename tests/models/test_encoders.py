import pytest

from intarsia.errors import ModelError
from intarsia.models.encoders import (
    checked_encoder,
    encoder_statistics,
    feature_strides,
    made_for_one_size,
    state_keys,
)


def test_names_with_and_without_the_tag_of_weights():
    assert checked_encoder("resnet50") == "resnet50"
    assert checked_encoder("resnet50.a1_in1k") == "resnet50.a1_in1k"


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("resnet5O", "resnet50"),
        ("tu-resnet34", "resnet34"),
        ("timm/convnext_tiny", "convnext_tiny"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(name, close):
    with pytest.raises(ModelError, match=f'did you mean "{close}"'):
        checked_encoder(name)


def test_unknown_tags_are_answered_with_the_known_ones():
    with pytest.raises(ModelError) as error:
        checked_encoder("test_resnet.a1_in1k")
    assert error.value.expected == "test_resnet.r160_in1k"


def test_facts():
    assert feature_strides("test_resnet") == (2, 4, 8, 16, 32)
    assert feature_strides("test_convnext") == (4, 8, 16, 32)
    assert set(feature_strides("test_vit")) == {16}
    assert made_for_one_size("test_maxvit")
    assert not made_for_one_size("test_resnet")
    assert state_keys("test_resnet")[-1] == "fc.bias"
    assert encoder_statistics("test_resnet") == ((0.5,) * 3, (0.5,) * 3)

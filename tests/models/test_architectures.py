import pytest

from intarsia.errors import ModelError
from intarsia.models import architecture_names, build_model, encoder_of, parameter_count


def refused(name: str, encoder: str) -> ModelError:
    with pytest.raises(ModelError) as error:
        build_model(name, classes=2, encoder=encoder)
    return error.value


def test_a_plain_transformer_fits_dpt_alone():
    for name in architecture_names():
        if name != "dpt":
            error = refused(name, "test_vit")
            assert "plain vision transformer" in error.what
            assert "resnet34" in error.expected
            assert error.hint == "plain vision transformers fit dpt"
    assert parameter_count(build_model("dpt", classes=2, encoder="test_vit")) > 0


def test_dpt_refuses_a_convolutional_encoder():
    error = refused("dpt", "test_resnet")
    assert "pyramid" in error.what
    assert "vit_small_patch16_224" in error.expected


@pytest.mark.parametrize("name", ["deeplabv3", "deeplabv3plus", "pan"])
def test_encoders_that_cannot_be_dilated_are_refused(name):
    error = refused(name, "test_mambaout")
    assert "output stride" in error.what
    assert "convnext_tiny" in error.expected


def test_encoders_for_one_image_size_are_refused():
    assert "images of one size only" in refused("unet", "test_maxvit").what
    assert "images of one size only" in refused("fpn", "test_coatnet").what


def test_window_transformers_take_any_size():
    # made for 224x224 unless told otherwise; the trial image at building time is 96x160
    model = build_model("unet", classes=2, encoder="swin_tiny_patch4_window7_224")
    assert encoder_of(model) is not None


def test_dpt_has_no_classifier_left():
    model = build_model("dpt", classes=2, encoder="test_vit")
    assert not [key for key in model.state_dict() if ".model.head." in key]


def test_models_are_ready_to_train_after_the_trial():
    assert build_model("unet", classes=2, encoder="test_resnet").training
    assert all(m.training for m in build_model("fpn", classes=2, encoder="test_resnet").modules())


def test_four_channels_reach_a_transformer():
    model = build_model("segformer", classes=2, channels=4, encoder="test_convnext")
    assert next(iter(encoder_of(model).parameters())).shape[1] == 4


@pytest.mark.slow
def test_every_encoder_that_an_error_names_fits():
    from intarsia.models.architectures import ARCHITECTURES

    for name, architecture in ARCHITECTURES.items():
        assert architecture.encoder in architecture.fits or name == "segformer"
        for encoder in (*architecture.fits, architecture.encoder):
            build_model(name, classes=2, encoder=encoder)

import re

import pytest

from intarsia.errors import RecipeError
from intarsia.recipe import Recipe, parse_duration, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_and_survives_its_own_yaml(name):
    recipe = Recipe.load(name)
    assert recipe.description
    assert Recipe.parse(recipe.to_yaml(), where="copy") == recipe


def test_a_user_file_is_a_recipe(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("train: {lr: 1e-4, epochs: 3}\ndata: {image_size: 96x160}\n")
    recipe = Recipe.load(path)
    assert recipe.train.lr == 1e-4
    assert recipe.data.image_size == (96, 160)
    assert recipe.model.name == "unet-mobilenetv2"


def test_all_errors_come_at_once_with_key_value_and_nearest_name():
    text = "train: {lr: -1, epoch: 3}\nloss: {name: dicee}\nmodle: {}\n"
    with pytest.raises(RecipeError) as caught:
        Recipe.parse(text, where="mine.yaml")
    message = str(caught.value)
    assert "mine.yaml: train.lr = -1" in message
    assert 'no key "train.epoch": did you mean "train.epochs"?' in message
    assert 'did you mean "dice"?' in message
    assert 'no key "modle"' in message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("train: {epochs: 3}\ntrain: {epochs: 4}", '"train" stands twice'),
        ("a: &x [1]\nb: *x", "aliases"),
        ("!!python/object/apply:os.system [echo]", "not valid YAML"),
        ("- 1\n- 2", "mapping of sections"),
        ("schema: 2", "newer"),
        ("train: {lr: .nan}", "train.lr"),
        ("train: {lr: .inf}", "train.lr"),
        ("train: {epochs: 0}", "train.epochs"),
        ("train: {weights: no}", "train.weights = False"),
        ("data: {augment: {scale: [2, 1]}}", "lowest zoom comes first"),
        ("data: {image_size: [4, 100000]}", "data.image_size"),
        ("train: {epochs: 2, validate_every: 3}", "validate_every"),
        ("model: {atrous_rates: [6, 12]}", "more values are expected"),
        ("train: {epochs: 3, freeze_epochs: 3}", "leaves no epoch"),
        ("data: {tile: 512}", "data.tile needs data.fit: tiles"),
        ("data: {fit: tiles, tile: 500}", "data.tile is 500x500: it must be data.image_size"),
        ("data: {fit: tiles, tile: 128}", "here 256x256, or a whole multiple of it"),
        ("data: {fit: tiles, tile: 512x256}", "such as 512x512"),
        ("data: {fit: tiles, tile: 8}", "data.tile"),
        ("data: {fit: tiles, tile: 512, longest_side: 900}", "give one of the two"),
        ("data: {fit: tiles, tile_overlap: 0.5}", "data.tile_overlap needs data.tile"),
        ("data: {tile_rare_power: 1.0}", "data.tile_rare_power needs data.tile"),
        ("data: {fit: tiles, tile: 512, tile_overlap: 1.0}", "data.tile_overlap"),
        ("data: {cache: disc}", 'did you mean "disk"?'),
        ("predict: {scales: []}", "predict.scales"),
        ("predict: {scales: [0.2, 1]}", "predict.scales.0 = 0.2"),
        ("predict: {scales: [1, 4.5]}", "predict.scales.1 = 4.5"),
        ("predict: {scales: [1, 1.0]}", "a scale stands twice"),
        ("predict: {scales: half}", "scales are numbers: 0.75,1,1.25"),
        ("predict: {temperature: 0}", "predict.temperature"),
        ("predict: {temperature: .inf}", "predict.temperature"),
        ("predict: {temperature: fited}", 'did you mean "fitted"?'),
        ("predict: {ema: false}", "no weights were averaged"),
        (
            "predict: {ema: false, ensemble: true}\ntrain: {ema: 0.9}\nschedule: {name: snapshot}",
            "predict.ema: false has no snapshots",
        ),
        ("data: {ignore: [sky], classes: [sky]}", "data.ignore and data.classes both name sky"),
    ],
)
def test_bad_yaml_is_refused(text, word):
    with pytest.raises(RecipeError, match=re.escape(word)):
        Recipe.parse(text, where="mine.yaml")


def test_set_reads_values_as_yaml():
    recipe = Recipe().set(
        ["train.lr=3e-4", "data.ignore=sky, tree", "train.weights=none", "train.time=1.5h"]
    )
    assert recipe.train.lr == 3e-4
    assert recipe.data.ignore == ("sky", "tree")
    assert recipe.train.weights == "none"
    assert recipe.train.time == 5400


@pytest.mark.parametrize("text", ["train.lr", "train=3", "lr=3", "train.lr=[", "x.y.z=1"])
def test_set_refuses_what_is_no_assignment(text):
    with pytest.raises(RecipeError):
        Recipe().set([text])


@pytest.mark.parametrize(
    ("text", "scales"),
    [("0.75,1,1.25", (0.75, 1.0, 1.25)), ("[0.5, 2]", (0.5, 2.0)), ("1", (1.0,)), ("2.0", (2.0,))],
)
def test_scales_are_a_list(text, scales):
    recipe = Recipe().set([f"predict.scales={text}"])
    assert recipe.predict.scales == scales
    assert Recipe.parse(recipe.to_yaml(), where="copy") == recipe


def test_a_temperature_is_a_number_or_the_fitted_one():
    assert Recipe().predict.temperature == 1.0
    assert Recipe().set(["predict.temperature=1.5"]).predict.temperature == 1.5
    assert Recipe().set(["predict.temperature=2"]).predict.temperature == 2
    fitted = Recipe().set(["predict.temperature=fitted"])
    assert fitted.predict.temperature == "fitted"
    assert Recipe.parse(fitted.to_yaml(), where="copy") == fitted


def test_replace_leaves_the_original_alone():
    recipe = Recipe()
    assert recipe.replace(**{"train.epochs": 3}).train.epochs == 3
    assert recipe.train.epochs == 40


def test_a_preset_forgets_the_encoder_of_the_network_that_was():
    recipe = Recipe.load("deeplabv3plus-mobilenetv2")
    assert recipe.replace(**{"model.name": "mini-unet"}).model.encoder is None
    assert recipe.replace(**{"model.name": "unet"}).model.encoder == "mobilenetv2_100"
    both = {"model.name": "mini-unet", "model.encoder": "resnet18"}
    assert recipe.replace(**both).model.encoder == "resnet18"  # refused when it is built


@pytest.mark.parametrize("text", ["", "m", "-3m", "0s", "inf", "nanh", "ten"])
def test_durations_are_positive_numbers(text):
    with pytest.raises(RecipeError, match="duration"):
        parse_duration(text)


def test_an_unknown_recipe_offers_the_nearest():
    with pytest.raises(RecipeError, match='did you mean "mini-unet"'):
        Recipe.load("mini-unett")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match="cannot read the recipe"):
        Recipe.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("given", "size"),
    [("128", (128, 128)), (96, (96, 96)), ("64X96", (64, 96)), ([48, 64], (48, 64))],
)
def test_sizes_are_one_number_or_two(given, size):
    assert Recipe().replace(**{"data.image_size": given}).data.image_size == size


@pytest.mark.parametrize("given", ["axb", "1x2x3", "-5", True, "64x", [64]])
def test_what_is_no_size_is_refused(given):
    with pytest.raises(RecipeError, match=r"data\.image_size"):
        Recipe().replace(**{"data.image_size": given})


def test_a_tile_is_the_size_of_a_sample_or_a_multiple_of_it():
    tiles = Recipe().replace(**{"data.fit": "tiles", "data.image_size": (192, 256)})
    assert tiles.set(["data.tile=384x512"]).data.tile == (384, 512)
    assert tiles.set(["data.tile=192x256"]).data.tile == (192, 256)
    assert Recipe.parse(tiles.set(["data.tile=384x512"]).to_yaml(), where="copy").data.tile == (
        384,
        512,
    )

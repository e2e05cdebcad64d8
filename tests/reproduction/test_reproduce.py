import json
import re
import shutil

import pytest

from intarsia.datasets import Dataset
from intarsia.errors import DataError, ModelError, RecipeError, RunError
from intarsia.reproduction import SYSTEMS, find_system, reproduce
from intarsia.reproduction.differences import differences
from intarsia.reproduction.page import stored_results
from intarsia.reproduction.protocol import _recipe
from intarsia.reproduction.results import Result


def test_five_systems_by_name_and_key():
    assert [system.key for system in SYSTEMS] == ["R0", "R1", "R2", "R3", "R4"]
    assert find_system("R2") is find_system("camvid-unet-deeplab") is find_system("r2")
    with pytest.raises(RecipeError, match="no reference system") as caught:
        find_system("camvid-unet-deplab")
    assert caught.value.hint == "did you mean camvid-unet-deeplab?"


def test_every_published_network_has_an_experiment_with_its_protocol():
    for system in SYSTEMS:
        models = {e.model for e in system.experiments if not e.ours}
        published = {row.model for table in system.published.tables for row in table.rows}
        assert models == published
        for experiment in system.experiments:
            if experiment.ours:
                continue
            batch = system.published.batch_sizes[experiment.model]
            assert experiment.recipe.train.batch_size == batch
            epochs = system.published.epochs.get(experiment.model)
            # 1600 epochs are the report's, 60 those of its tracked version
            assert epochs in (None, 1600, experiment.recipe.train.epochs)


@pytest.fixture(scope="module")
def lungs(tmp_path_factory):
    """The quick look at R4, the only one with an ensemble, by two of its trainings."""
    out = tmp_path_factory.mktemp("reproduced") / "R4"
    page = reproduce("R4", None, out, quick=True, only=["conv-1x1", "inception-snapshot"])
    return out, page


def test_a_quick_look_leaves_runs_results_and_a_report(lungs):
    out, page = lungs
    results = stored_results(find_system("R4"), out)
    assert [result.experiment for result in results] == ["conv-1x1", "inception-snapshot"]
    first, snapshot = results
    assert (first.parameters, snapshot.parameters) == (176_609, 472_529)
    assert all(result.quick for result in results)
    measured = snapshot.on("test")
    assert measured is not None
    assert measured.historical.keys() == {"iou"}
    single = snapshot.on("test", changed=True)
    assert single is not None
    assert single.settings == {"ensemble": False}
    assert snapshot.images == {"train": 8, "val": 2, "test": 2}
    text = page.read_text()
    for words in (
        "street scenes made by Intarsia",
        "Theirs beside ours",
        "0.432",
        "Not run yet: conv-3x3",
        "figures mean nothing",
    ):
        assert words in text
    assert not re.search(r"(src|href)=.?https?:", text)
    csv = (out / "tables/published-1.csv").read_text().splitlines()
    assert csv[1].startswith("theirs,conv-unet,test,0.0")
    assert csv[2].startswith("ours,conv-unet,test,")


def test_what_is_done_is_not_done_again(lungs, tmp_path):
    out = tmp_path / "R4"
    shutil.copytree(lungs[0], out)
    with pytest.raises(RunError, match="not empty"):
        reproduce("R4", None, out, quick=True)
    stored = json.loads((out / "conv-1x1.json").read_text())
    stored["parameters"] = 7
    (out / "conv-1x1.json").write_text(json.dumps(stored))
    reproduce("R4", None, out, quick=True, only=["conv-1x1"], resume=True)
    assert Result.load(out / "conv-1x1.json").parameters == 7
    (out / "conv-1x1.json").write_text(
        json.dumps({**stored, "command": stored["command"] + " --time 90s"})
    )
    with pytest.raises(RunError, match="trained with --time 90s"):
        reproduce("R4", None, out, quick=True, only=["conv-1x1"], resume=True)
    (out / "conv-1x1.json").write_text(json.dumps({**stored, "quick": False}))
    with pytest.raises(RunError, match="holds a full training"):
        reproduce("R4", None, out, quick=True, only=["conv-1x1"], resume=True)
    (out / "conv-1x1.json").write_text("{}")
    with pytest.raises(RunError, match="damaged"):
        reproduce("R4", None, out, quick=True, only=["conv-1x1"], resume=True)


def test_faults_are_named_before_anything_is_written(tmp_path, shapes):
    with pytest.raises(RecipeError, match='no experiment "convs"'):
        reproduce("R4", None, tmp_path / "out", quick=True, only=["convs"])
    with pytest.raises(RecipeError, match="no time budget"):
        reproduce("R4", None, tmp_path / "out", quick=True, seconds=60)
    with pytest.raises(RecipeError, match="which data"):
        reproduce("R4", None, tmp_path / "out")
    with pytest.raises(DataError, match=r"no such|not there|no folder"):
        reproduce("R4", tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_cannot_be_had_are_said(tmp_path, shapes, monkeypatch):
    monkeypatch.setenv("INTARSIA_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("intarsia.models.weights._hub_reachable", lambda name: False)
    assert set(Dataset.open(shapes).splits) == {"train", "val"}
    out = tmp_path / "R0"
    reproduce("R0", shapes, out, quick=True, only=["skip"])
    result = Result.load(out / "skip.json")
    assert result.weights == "none"
    system = find_system("R0")
    told = differences(system, system.experiments[1], result)
    assert any(line.startswith("Random first weights") for line in told)
    assert told[0] == "Data: shapes; 2 classes: ground, box."
    assert "Epochs: 1; theirs: 30." in told
    # a set without a test split is tested on its val split
    assert result.images == {"train": 6, "val": 1, "test": 3}


@pytest.mark.parametrize("quick", [True, False])
def test_every_experiment_has_a_recipe_of_each_kind(tmp_path, monkeypatch, quick):
    monkeypatch.setattr("intarsia.reproduction.protocol.pretrained_encoder", lambda name: {})
    for system in SYSTEMS:
        for experiment in system.experiments:
            recipe = _recipe(experiment, quick, None)
            assert recipe.model == experiment.recipe.model
            assert (recipe == experiment.recipe) != quick
            if quick:
                assert recipe.train.epochs == experiment.recipe.schedule.cycles


def test_a_damaged_weights_file_is_no_reason_for_random_weights(tmp_path, monkeypatch, shapes):
    monkeypatch.setenv("INTARSIA_WEIGHTS", str(tmp_path))
    (tmp_path / "resnet18.a1_in1k.safetensors").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        reproduce("R0", shapes, tmp_path / "R0", quick=True, only=["skip"])


def test_another_data_set_cannot_go_on_in_the_same_folder(tmp_path, shapes, monkeypatch):
    monkeypatch.setattr("intarsia.models.weights._hub_reachable", lambda name: False)
    monkeypatch.setenv("INTARSIA_WEIGHTS", str(tmp_path))
    out = tmp_path / "R0"
    reproduce("R0", shapes, out, quick=True, only=["skip"])
    (out / "skip.json").unlink()
    with pytest.raises(RunError, match="a training on other images"):
        reproduce("R0", None, out, quick=True, only=["skip"], resume=True)

from pathlib import Path

import pytest

from intarsia.errors import DataError
from intarsia.images import whole_folder


def test_a_link_to_an_empty_folder_stays_one(tmp_path):
    (tmp_path / "disk/empty").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk/empty")
    with whole_folder(tmp_path / "out", apart_from=[], flag="OUT") as part:
        assert part.parent == tmp_path / "disk"  # where there may be more room
        (part / "file").touch()
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "disk/empty/file").is_file()
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["empty"]


@pytest.mark.parametrize("name", [".", "../here", "mounted"])
def test_what_cannot_be_replaced_is_refused_before_anything_is_done(name, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "mounted").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("os.path.ismount", lambda path: path.name == "mounted")
    out = tmp_path / name if name == "mounted" else Path(name)
    with (
        pytest.raises(DataError, match="in use") as caught,
        whole_folder(out, apart_from=[], flag="OUT"),
    ):
        pass
    assert "inside it as OUT" in caught.value.hint

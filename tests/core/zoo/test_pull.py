"""``zoo pull``: what arrives is what was published, with its record; anything else is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from dermctl.core.zoo import pull as module
from dermctl.core.zoo.known import KNOWN, Known
from dermctl.core.zoo.list import list_zoo
from dermctl.core.zoo.pull import PullRequest, pull
from dermctl.datasets.fetch.partial import file_hash
from dermctl.errors import CheckpointError, ConfigError, UsageFault
from dermctl.models.zoo.about import read_about, write_about
from dermctl.models.zoo.entry import read_entry
from dermctl.workspace import Workspace
from tests.core.zoo.conftest import PATH, URL
from tests.models.zoo.made import ENCODER, SIZE
from tests.server import Server

ALONE = PullRequest("", name="alone", encoder=ENCODER, image_size=SIZE, license="Apache-2.0")


def same(folder: Path, theirs: Path) -> None:
    """Weights and record are theirs to the byte."""
    assert {path.name for path in folder.iterdir()} == {path.name for path in theirs.iterdir()}
    for name in ("encoder.safetensors", "exposure.safetensors"):
        assert (folder / name).read_bytes() == (theirs / name).read_bytes()


def nothing_there(workspace: Workspace) -> bool:
    return not list_zoo(workspace).encoders


@pytest.mark.parametrize(
    "address", [URL, f"{URL}/", f"{URL}/encoder.safetensors", f"{URL}/encoder.safetensors?raw=1"]
)
def test_from_an_address(site: Server, theirs: Path, workspace: Workspace, address: str) -> None:
    if "?" in address:
        site.files[f"{PATH}/encoder.safetensors?raw=1"] = site.files.pop(
            f"{PATH}/encoder.safetensors"
        )
    pulled = pull(workspace, PullRequest(address))
    same(pulled.folder, theirs)
    there = read_about(theirs / "about.json")
    assert pulled.about == replace(there, source=address, added_at=pulled.about.added_at)
    assert pulled.exposure == "known, 3 images"
    assert [path.name for path in workspace.zoo.iterdir()] == ["derm"], "nothing else is left"


def test_from_another_lab_s_folder(theirs: Path, workspace: Workspace) -> None:
    same(pull(workspace, PullRequest(str(theirs))).folder, theirs)
    whole = pull(workspace, PullRequest(str(theirs.parent), name="second"))
    assert (whole.name, whole.about.name) == ("second", "second")
    same(whole.folder, theirs)
    with pytest.raises(CheckpointError, match="'derm' already"):
        pull(workspace, PullRequest(str(theirs)))
    pull(workspace, PullRequest(str(theirs), replace=True))
    several = PullRequest(str(workspace.zoo), name="third")
    with pytest.raises(CheckpointError, match="several encoders: derm, second") as caught:
        pull(workspace, several)
    assert f"dermctl zoo pull {workspace.zoo / 'derm'}" in str(caught.value)
    with pytest.raises(CheckpointError, match="no folder of a zoo"):
        pull(workspace, PullRequest(str(workspace.zoo / ".."), name="fourth"))


def test_a_broken_connection_is_gone_on_with(
    site: Server, theirs: Path, workspace: Workspace
) -> None:
    site.script[f"{PATH}/encoder.safetensors"] = ["reset_half", "ok"]
    same(pull(workspace, PullRequest(URL)).folder, theirs)
    assert [path for path, _ in site.ranges] == [f"{PATH}/encoder.safetensors"]


def test_another_try_goes_on_where_the_first_gave_up(
    site: Server, theirs: Path, workspace: Workspace
) -> None:
    site.script[f"{PATH}/encoder.safetensors"] = ["truncate", "503"]
    with pytest.raises(CheckpointError, match=r"'encoder\.safetensors' cannot be fetched") as error:
        pull(workspace, PullRequest(URL))
    assert "Run the same command again" in str(error.value)
    assert nothing_there(workspace)
    site.script.clear()
    site.ranges.clear()
    same(pull(workspace, PullRequest(URL)).folder, theirs)
    assert [path for path, _ in site.ranges] == [f"{PATH}/encoder.safetensors"]


def killed_before_the_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pull, and be killed once all has come, before it is an entry."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "copy_files", killed)
        with pytest.raises(KeyboardInterrupt):
            pull(workspace, PullRequest(URL))


def test_killed_before_the_end_the_next_try_takes_what_has_come(
    site: Server, theirs: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before_the_end(workspace, monkeypatch)
    assert nothing_there(workspace)
    asked = site.requests[f"{PATH}/encoder.safetensors"]
    same(pull(workspace, PullRequest(URL)).folder, theirs)
    assert site.requests[f"{PATH}/encoder.safetensors"] == asked, "it had come already"


def test_what_has_changed_there_since_is_fetched_anew(
    site: Server, theirs: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_before_the_end(workspace, monkeypatch)
    (folder,) = workspace.zoo.glob(".pull-*")
    (folder / "encoder.safetensors").write_bytes(b"the former version")
    same(pull(workspace, PullRequest(URL)).folder, theirs)


@pytest.mark.parametrize(("file", "step"), [
    ("encoder.safetensors", "wrong"), ("encoder.safetensors", "short"),
    ("encoder.safetensors", "html"), ("exposure.safetensors", "wrong"),
    ("exposure.safetensors", "404"), ("about.json", "404"), ("about.json", "html"),
])  # fmt: skip
def test_anything_else_is_refused(site: Server, workspace: Workspace, file: str, step: str) -> None:
    site.script[f"{PATH}/{file}"] = [step]
    with pytest.raises(CheckpointError, match=f"'{file}' cannot be fetched") as caught:
        pull(workspace, PullRequest(URL))
    assert f"{URL}/{file}" in str(caught.value)
    assert ("--encoder NAME" in str(caught.value)) == (file == "about.json")
    assert nothing_there(workspace)


def test_an_about_that_describes_nothing(site: Server, workspace: Workspace) -> None:
    site.files[f"{PATH}/about.json"] = b"{}"
    with pytest.raises(CheckpointError, match="name is missing") as caught:
        pull(workspace, PullRequest(URL))
    assert f"[{URL}/about.json]" in str(caught.value)


def test_a_checksum_from_elsewhere_must_agree(
    site: Server, theirs: Path, workspace: Workspace
) -> None:
    with pytest.raises(CheckpointError, match="not the one of --sha256"):
        pull(workspace, PullRequest(URL, sha256="ab" * 32))
    assert site.requests[f"{PATH}/encoder.safetensors"] == 0, "nothing large was fetched"
    with pytest.raises(CheckpointError, match="not the one of --sha256"):
        pull(workspace, PullRequest(str(theirs), sha256="ab" * 32))
    with pytest.raises(UsageFault, match="64 hexadecimal digits"):
        pull(workspace, PullRequest(URL, sha256="abc"))
    right = read_about(theirs / "about.json").sha256.upper()
    assert pull(workspace, PullRequest(URL, sha256=right)).name == "derm"


def test_weights_that_do_not_fit_what_is_said_of_them(
    theirs: Path, workspace: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(theirs, tmp_path / "copy")
    about = read_about(tmp_path / "copy" / "about.json")
    write_about(tmp_path / "copy" / "about.json", replace(about, encoder="resnet10t"))
    with pytest.raises(CheckpointError, match="do not fit the encoder: missing"):
        pull(workspace, PullRequest(str(tmp_path / "copy")))
    assert nothing_there(workspace)
    assert not list(workspace.zoo.iterdir())


def weights(file: Path) -> Path:
    """A whole timm model's, with its classifier."""
    torch.manual_seed(5)
    save_file(timm.create_model(ENCODER, img_size=SIZE).state_dict(), file)
    return file


def test_weights_alone_from_a_file(workspace: Workspace, tmp_path: Path) -> None:
    file = weights(tmp_path / "model.safetensors")
    pulled = pull(workspace, replace(ALONE, source=str(file), citation="Bo"))
    read = read_entry(pulled.folder)
    assert read.exposure.state == "unknown"
    assert pulled.exposure == "unknown"
    assert read.about.mean == (0.485, 0.456, 0.406)
    assert (pulled.about.encoder, pulled.about.citation) == (ENCODER, "Bo")
    given = load_file(file)
    for key, value in read.state.items():
        assert torch.equal(value, given[key.removeprefix("encoder.")])
    assert "head.weight" in given
    assert "encoder.head.weight" not in read.state


def test_a_tag_brings_its_normalisation_and_size(workspace: Workspace, tmp_path: Path) -> None:
    torch.manual_seed(5)
    torch.save(timm.create_model(ENCODER).state_dict(), tmp_path / "model.pth")
    request = replace(ALONE, source=str(tmp_path / "model.pth"), image_size=None)
    about = pull(workspace, replace(request, encoder=f"{ENCODER}.r160_in1k")).about
    assert (about.encoder, about.image_size) == (ENCODER, 160)
    assert about.mean == about.std == (0.5, 0.5, 0.5)
    with pytest.raises(ConfigError, match="timm knows no weights"):
        pull(workspace, replace(request, encoder=f"{ENCODER}.nope", name="other"))
    with pytest.raises(ConfigError, match="timm knows no encoder 'vti'"):
        pull(workspace, replace(request, encoder="vti", name="other"))


def test_weights_alone_from_an_address_need_a_checksum(
    site: Server, workspace: Workspace, tmp_path: Path
) -> None:
    file = weights(tmp_path / "model.safetensors")
    site.files["/hub.example/model.safetensors"] = file.read_bytes()
    request = replace(ALONE, source="https://hub.example/model.safetensors")
    with pytest.raises(UsageFault, match="need a checksum"):
        pull(workspace, request)
    with pytest.raises(CheckpointError, match="the checksum is not the published one"):
        pull(workspace, replace(request, sha256="ab" * 32))
    assert nothing_there(workspace)
    pulled = pull(workspace, replace(request, sha256=file_hash(file, "sha256")))
    assert pulled.about.source == "https://hub.example/model.safetensors"
    with pytest.raises(CheckpointError, match="not the one of --sha256"):
        pull(workspace, replace(ALONE, source=str(file), name="b", sha256="ab" * 32))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": URL, "encoder": None}, "its about.json says what --license, --image-size"),
        ({"source": URL, "license": None, "name": None}, "need --license, --name"),
        ({"source": "ftp://lab.example/x"}, "no address"),
        ({"source": "derm-vit"}, "no folder, no file, no address and no encoder known by name"),
        ({"source": URL, "name": "none"}, "cannot be a name"),
        ({"source": URL, "license": "free"}, "no licence"),
    ],
)
def test_what_must_be_said(
    site: Server, workspace: Workspace, change: dict[str, str | None], says: str
) -> None:
    with pytest.raises(UsageFault, match=says):
        pull(workspace, replace(ALONE, **change))
    assert not site.requests
    assert nothing_there(workspace)


def test_a_known_name(
    site: Server, theirs: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = json.loads((theirs / "about.json").read_text())["sha256"]
    monkeypatch.setattr(module, "KNOWN", (Known("derm-vit", URL, sha256),))
    with pytest.raises(UsageFault, match="Did you mean 'derm-vit'"):
        pull(workspace, PullRequest("derm-vti"))
    pulled = pull(workspace, PullRequest("derm-vit"))
    assert (pulled.name, pulled.about.source) == ("derm-vit", URL)
    same(pulled.folder, theirs)


def test_what_is_built_in_is_stated_in_full() -> None:
    names = [each.name for each in KNOWN]
    assert len(set(names)) == len(names)
    for each in KNOWN:
        assert each.url.startswith("https://")
        assert len(each.sha256) == 64
        assert (each.encoder is None) == (each.license is None)

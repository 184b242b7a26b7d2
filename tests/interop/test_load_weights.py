"""load_weights: either naming, what does not fit in one message, new heads, and networks that stay as they were."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import pellucid as p
from oracles.torch_bytes import call, mapping, old_file, tensors, zip_file
from pellucid.errors import ModelFileError, StorageError
from pellucid.interop import open_weights
from pellucid.interop.torch import state_dict, to_torch_names
from pellucid.limits import Limits


def network(classes: int = 3, **options: Any) -> p.Sequential:
    """A network with a name of torchvision's for each parameter: features.0, features.1, classifier.0."""
    layers = [p.Conv2d(1, 2, 3), p.BatchNorm2d(2), p.Flatten(), p.Linear(8, classes)]
    return p.Sequential(layers, input_shape=(1, 4, 4), **options)


def values(held: p.Sequential) -> dict[str, np.ndarray]:
    return {path: each.data.copy() for path, each in {**held.parameters(), **held.states()}.items()}


def same(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> bool:
    return some.keys() == others.keys() and all(np.array_equal(some[path], others[path]) for path in some)


@pytest.fixture
def trained() -> p.Sequential:
    trained = network(seed=8)
    trained.states()["norm1.running_mean"].data[...] = 4
    return trained


def write(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    if path.suffix == ".safetensors":
        safetensors.numpy.save_file(arrays, path)
    else:
        path.write_bytes((zip_file if path.suffix == ".pth" else old_file)(*tensors(arrays)))
    return path


every_kind = pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.th"])


@every_kind
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("naming", ["ours", "torchvision's"])
def test_either_naming_in_every_kind_of_file(
    name: str, prefix: str, naming: str, trained: p.Sequential, tmp_path: Path
) -> None:
    arrays = values(trained) if naming == "ours" else state_dict(trained)
    arrays |= {"norm1.num_batches_tracked": np.array(7), "features.1.num_batches_tracked": np.array(7)}
    path = write(tmp_path / name, {prefix + key: array for key, array in arrays.items()})
    target = network()
    assert not same(values(target), values(trained))  # the control
    assert not p.load_weights(target, path)
    assert same(values(target), values(trained))


def test_names_follow_the_layers() -> None:
    assert to_torch_names(network())["norm1.running_var"] == "features.1.running_var"


@every_kind
def test_all_that_does_not_fit_is_said_at_once_and_nothing_is_taken(
    name: str, trained: p.Sequential, tmp_path: Path
) -> None:
    arrays = state_dict(trained)
    del arrays["features.1.bias"]
    arrays["classifier.0.weight"] = np.ones((5, 8), "f4")
    arrays["classifier.0.bias"] = np.ones(3, "i8")
    arrays["more.scale"] = np.ones((2, 2), "f8")
    path = write(tmp_path / name, arrays)
    target = network(seed=1)
    before = values(target)
    with pytest.raises(ModelFileError) as caught:
        p.load_weights(target, path)
    assert str(caught.value) == (
        f"{path}: the weights do not fit the network: "
        "missing in the file: norm1.bias (features.1.bias) 2; extra in the file: more.scale 2×2 (F64); "
        "misshapen: linear1.weight (classifier.0.weight) (expected 3×8, found 5×8 (F32)), "
        "linear1.bias (classifier.0.bias) (expected 3 (F64 or F32 or F16 or BF16), found 3 (I64)); "
        "make the network that the file was saved from, or take what fits with strict=False"
    )
    assert same(values(target), before)

    found = p.load_weights(target, path, strict=False)
    assert (list(found.missing), list(found.extra), list(found.misshapen)) == (
        ["norm1.bias"], ["more.scale"], ["linear1.weight", "linear1.bias"],
    )  # fmt: skip
    after = values(target)
    np.testing.assert_array_equal(after["conv1.weight"], arrays["features.0.weight"])
    for path_of_old in ("norm1.bias", "linear1.weight", "linear1.bias"):
        np.testing.assert_array_equal(after[path_of_old], before[path_of_old])


@every_kind
def test_a_new_head_stays_as_it_was_drawn(name: str, trained: p.Sequential, tmp_path: Path) -> None:
    path = write(tmp_path / name, state_dict(trained))
    target = network(classes=7, seed=1)
    drawn = values(network(classes=7, seed=1))
    found = p.load_weights(target, path, strict=False)
    assert str(found) == (
        "misshapen: linear1.weight (classifier.0.weight) (expected 7×8, found 3×8 (F32)), "
        "linear1.bias (classifier.0.bias) (expected 7, found 3 (F32))"
    )
    after, learnt = values(target), values(trained)
    for key in after:
        expected = drawn if key.startswith("linear1") else learnt
        np.testing.assert_array_equal(after[key], expected[key], err_msg=key)


def test_a_list_of_names_is_shortened_at_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "w.pth", state_dict(p.models.resnet20()))
    with pytest.raises(ModelFileError) as caught:
        p.load_weights(p.models.resnet32(), path)
    message = str(caught.value)
    assert "missing in the file: layer1.residual4.body.conv1.weight (layer1.3.conv1.weight) 16×16×3×3, " in message
    assert " and 57 more; make the network" in message  # three of 6 blocks of 10 arrays are named
    assert len(message) < 500


def test_a_file_of_which_nothing_fits(tmp_path: Path) -> None:
    path = write(tmp_path / "w.pth", {"a": np.ones(3, "f4")})
    with pytest.raises(ModelFileError, match="nothing in the file fits the network: missing in the file: conv1"):
        p.load_weights(network(), path, strict=False)


def test_numbers_become_those_of_the_network(trained: p.Sequential, tmp_path: Path) -> None:
    halves = {key: array.astype("f2") for key, array in state_dict(trained).items()}
    target = network(dtype="float64")
    p.load_weights(target, write(tmp_path / "w.th", halves))
    assert target.parameters()["conv1.weight"].data.dtype == np.float64
    np.testing.assert_array_equal(target.parameters()["conv1.weight"].data, halves["features.0.weight"])


def test_a_later_damage_changes_no_earlier_weight(trained: p.Sequential, tmp_path: Path) -> None:
    whole = write(tmp_path / "w.pth", state_dict(trained)).read_bytes()
    last = trained.states()["norm1.running_var"].data.tobytes()
    at = whole.rindex(b"archive/data/7", 0, whole.index(b"PK\x01\x02")) + len(b"archive/data/7")
    assert whole[at : at + len(last)] == last
    (tmp_path / "w.pth").write_bytes(whole[:at] + b"?" + whole[at + 1 :])
    target = network(seed=1)
    before = values(target)
    with pytest.raises(ModelFileError, match="archive/data/7: expected the CRC-32"):
        p.load_weights(target, tmp_path / "w.pth")
    assert same(values(target), before)


@every_kind
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_what_torch_puts_before_names_is_taken_off(
    name: str, prefix: str, trained: p.Sequential, tmp_path: Path
) -> None:
    arrays = state_dict(trained)
    target = network()
    p.load_weights(target, write(tmp_path / name, {prefix + key: array for key, array in arrays.items()}))
    assert same(values(target), values(trained))
    one_without = {("" if key == "classifier.0.bias" else prefix) + key: array for key, array in arrays.items()}
    with pytest.raises(ModelFileError, match=re.escape(f"extra in the file: {prefix}")):
        p.load_weights(network(), write(tmp_path / name, one_without), strict=True)


@every_kind
@pytest.mark.parametrize("prefix", ["model.", "module.model.", "encoder."])
def test_a_part_that_all_names_begin_with_is_passed_over(
    name: str, prefix: str, trained: p.Sequential, tmp_path: Path
) -> None:
    """As in a checkpoint of Lightning's, where the network is an attribute of the module that trains it."""
    for arrays in (state_dict(trained), values(trained)):
        target = network(seed=1)
        path = write(tmp_path / name, {f"{prefix}{key}": array for key, array in arrays.items()})
        p.load_weights(target, path)
        assert same(values(target), values(trained))
    one_without = {("" if number == 0 else prefix) + key: array for number, (key, array) in enumerate(arrays.items())}
    with pytest.raises(ModelFileError, match="missing in the file"):
        p.load_weights(network(), write(tmp_path / name, one_without))


@every_kind
def test_the_count_of_an_averaged_model_is_passed_over(name: str, trained: p.Sequential, tmp_path: Path) -> None:
    arrays = {f"module.{key}": array for key, array in state_dict(trained).items()}
    target = network(seed=1)
    p.load_weights(target, write(tmp_path / name, {"n_averaged": np.array(7, "i8")} | arrays))
    assert same(values(target), values(trained))
    with pytest.raises(ModelFileError, match=r"extra in the file: n_averaged a single number \(I64\)"):
        p.load_weights(network(), write(tmp_path / name, {"n_averaged": np.array(7, "i8")} | state_dict(trained)))


@every_kind
@pytest.mark.filterwarnings("error")  # NumPy's own warning names nothing
@pytest.mark.parametrize(("value", "stored"), [(np.nan, "f4"), (np.inf, "f4"), (-np.inf, "f8"), (1e300, "f8")], ids=str)
def test_numbers_that_are_not_finite_are_refused(
    name: str, value: float, stored: str, trained: p.Sequential, tmp_path: Path
) -> None:
    arrays = {key: array.astype(stored) for key, array in state_dict(trained).items()}
    arrays["classifier.0.weight"][1, :2] = value
    arrays["features.1.running_var"][0] = value
    path, target = write(tmp_path / name, arrays), network(seed=1)
    before = values(target)
    with pytest.raises(ModelFileError) as caught:
        p.load_weights(target, path)
    found = "classifier.0.weight (2 of 24), features.1.running_var (1 of 2)"
    if value == 1e300:
        wanted = f"expected numbers within the range of float32, found some too large for it in {found}"
        fix = "load them into a network that is made with dtype='float64'"
    else:
        wanted = f"expected finite numbers, found NaN or infinities as float32 in {found}"
        fix = "the training that made them went astray; take weights from before that"
    assert str(caught.value) == f"{path}: {wanted}; {fix}"
    assert same(values(target), before)
    if value == 1e300:
        p.load_weights(network(dtype="float64"), path)  # where it has a place


@every_kind
def test_names_in_a_file_do_not_reach_the_terminal_as_they_are(
    name: str, trained: p.Sequential, tmp_path: Path
) -> None:
    odd = {"\x1b[2Jred\nerror: none": np.ones(1, "f4"), "long" * 250: np.ones(1, "f4")}
    with pytest.raises(ModelFileError) as caught:
        p.load_weights(network(), write(tmp_path / name, state_dict(trained) | odd))
    assert r"extra in the file: " in str(caught.value)
    assert r"\x1b[2Jred\nerror: none 1 (F32)" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_what_is_no_network_is_refused(trained: p.Sequential, tmp_path: Path) -> None:
    path = write(tmp_path / "w.pth", state_dict(trained))
    with pytest.raises(
        p.ArgumentError, match="load_weights: expected a Sequential or Graph as network, received 'resnet20'"
    ):
        p.load_weights("resnet20", path)  # type: ignore[arg-type]


def test_a_file_is_opened_once_for_all_that_is_asked_of_it(trained: p.Sequential, tmp_path: Path) -> None:
    path = write(tmp_path / "w.pth", state_dict(trained))
    file = open_weights(path)
    path.unlink()
    assert (file.path, file.use, file.scaling, file.class_names) == (str(path), None, None, ())
    assert file.entries["classifier.0.weight"].shape == (3, 8)
    target = network()
    assert not file.compare(target)
    assert not p.load_weights(target, file)
    assert same(values(target), values(trained))


def test_a_file_says_what_it_holds(trained: p.Sequential, tmp_path: Path) -> None:
    count = 2 * 9 + 2 + 4 + 24 + 3
    path = write(tmp_path / "alone.safetensors", values(trained))
    assert repr(open_weights(path)).splitlines() == [
        f"{path} holds 8 arrays of float32: {count} parameters, and 4 running means and variances",
        "scaling and names of classes: not in the file",
        "fits: none of the known models",
    ]
    small = p.models.small(2, (3, 8, 8), scaling=p.Scaling(0.25, 0.5), class_names=("cat", "d\nog"), dtype="float64")
    p.save(small, tmp_path / "small.safetensors")
    held, said, fits = repr(open_weights(tmp_path / "small.safetensors")).splitlines()
    assert f" of float64: {p.summary(small).totals.parameters:,} parameters" in held
    assert "running" not in held
    assert said == r"scaling: mean 0.25, deviation 0.5; classes: cat, d\nog"
    assert fits == "fits: small, for 2 classes"


def test_what_is_no_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no such file"):
        p.load_weights(network(), tmp_path / "w.pth")
    (tmp_path / "w.pth").write_bytes(zip_file(mapping({"w": call("os system")}), {}))
    with pytest.raises(
        ModelFileError, match=r"w\.pth: archive/data\.pkl, byte \d+: .*'os system'; names stand for code"
    ):
        p.load_weights(network(), tmp_path / "w.pth")
    with pytest.raises(StorageError, match="the limit is 100"):
        p.load_weights(network(), tmp_path / "w.pth", limits=Limits(file_bytes=100))
    (tmp_path / "w.pth").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ModelFileError, match="this is no safetensors file, or a damaged one"):
        p.load_weights(network(), tmp_path / "w.pth")


def test_load_says_what_to_do_with_a_file_of_torchs(trained: p.Sequential, tmp_path: Path) -> None:
    path = write(tmp_path / "w.pth", state_dict(trained))
    with pytest.raises(
        ModelFileError, match=r"found the name of a file of PyTorch's; make the network, then call load_"
    ):
        p.load(path)


def test_resnet20_scores_what_its_authors_report(data_folder: Path) -> None:
    scaling = p.Scaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    resnet = p.models.resnet20(scaling=scaling)
    assert not p.load_weights(resnet, data_folder / "resnet20-cifar10" / "resnet20-12fca82f.th")
    images = np.load(data_folder / "cifar10-subset" / "cifar10_lossless_subset.npz")
    accuracy = p.evaluate(resnet, (images["x_test"], images["y_test"]))["accuracy"]
    assert 0.91 <= accuracy <= 0.92


# ---- arrays in memory
def test_arrays_by_name_are_taken_as_those_of_a_file(trained: p.Sequential) -> None:
    """As a state dict is: with PyTorch's names, prefixes and counters, and of any memory layout."""
    arrays: dict[str, Any] = {f"module.{name}": np.asfortranarray(each) for name, each in state_dict(trained).items()}
    made = network(seed=2)
    assert not p.load_weights(made, {**arrays, "module.features.1.num_batches_tracked": np.array(7)})
    assert same(values(made), values(trained))
    made = network(seed=2)
    p.load_weights(made, {**trained.parameters(), **trained.states()})
    assert same(values(made), values(trained))
    left = p.load_weights(network(4), arrays, strict=False)
    assert list(left.misshapen) == ["linear1.weight", "linear1.bias"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"conv1.weight": "heavy"}, "conv1.weight"),
        ({"conv1.weight": np.array([object()])}, "conv1.weight"),
        ({"conv1.weight": np.zeros((2, 1, 3, 3))}, "^the mapping: the weights do not fit the network: missing in the"),
    ],
)
def test_what_is_no_weights_is_refused_by_its_name(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(p.PellucidError, match=message):
        p.load_weights(network(), arrays)


def test_a_state_dict_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten())
    module.append(torch.nn.Linear(8, 3))
    held = module.state_dict()
    layers = [("0", p.Conv2d(1, 2, 3)), ("1", p.BatchNorm2d(2)), ("2", p.Flatten()), ("3", p.Linear(8, 3))]
    made = p.Sequential(layers, input_shape=(1, 4, 4))
    p.load_weights(made, held)
    np.testing.assert_array_equal(made["3"].weight.data, held["3.weight"].numpy())


class Module:
    """What has a state_dict, as PyTorch's modules."""

    def state_dict(self) -> dict[str, np.ndarray]:
        return {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Module(), r"expected the path of a file, or arrays by name .*; write module\.state_dict\(\)"),
        (network(), r"write network\.parameters\(\)"),
        ([np.ones(3)], r"or arrays by name such as module\.state_dict\(\), received list"),
        (None, "received NoneType"),
        ({"epoch": 3, "state_dict": {"conv1.weight": np.ones(3)}}, r"pass mapping\['state_dict'\]"),
    ],
)
def test_what_are_no_weights_says_what_to_pass(wrong: Any, message: str) -> None:
    with pytest.raises(p.ArgumentError, match=message):
        p.load_weights(network(), wrong)
    with pytest.raises(p.ArgumentError, match=message):
        open_weights(wrong)

"""Networks in files: what is saved comes back bit for bit, and what was not saved by us is refused with a reason."""

import errno
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as p
from pellucid.errors import ArgumentError, ModelFileError, ShapeError, StorageError
from pellucid.initializers import GlorotUniform
from pellucid.interop import load_weights
from pellucid.limits import LIMITS, Limits
from pellucid.models import lenet, small
from pellucid.serialization import Differences, from_bytes, load, save, to_bytes
from pellucid.serialization.architecture import describe
from pellucid.serialization.tensor_file import SEAL, decode, encode, structure


class Scale(p.Layer):
    """A layer of one's own, with a setting and a parameter."""

    def __init__(self, factor: float, sizes: tuple[int, ...] = (1,)):
        super().__init__()
        self.factor, self.sizes = factor, tuple(sizes)
        self.shift = p.Parameter("shift", self.sizes)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def forward(self, x: Any, training: bool = False) -> Any:
        return self.accept(x) * self.factor + self.shift.data

    def config(self) -> dict[str, Any]:
        return {"factor": self.factor, "sizes": self.sizes}


class Block(p.Sequential):
    """A Sequential that only fills itself."""

    def __init__(self, channels: int):
        super().__init__([p.Conv2d(channels, channels, 3, padding=1), p.ReLU()])


def parts(network: p.Sequential) -> dict[str, Any]:
    """Everything that a file should bring back."""
    return {
        "layers": repr(network),
        "input_shape": network.input_shape,
        "dtype": network.dtype,
        "seed": network.seed,
        "class_names": network.class_names,
        "scaling": (network.scaling.means, network.scaling.deviations),
        "trainable": {path: q.trainable for path, q in network.parameters().items()},
        "weights": {path: (q.data.dtype, q.data.tobytes()) for path, q in network.parameters().items()},
        "states": {path: (s.data.dtype, s.data.tobytes()) for path, s in network.states().items()},
    }


def returned(network: p.Sequential, folder: Path, layers: tuple[type[p.Layer], ...] = ()) -> p.Sequential:
    save(network, folder / "net.safetensors")
    return load(folder / "net.safetensors", layers)


def network_of_all_layers() -> p.Sequential:
    body = p.Sequential([p.Conv2d(4, 4, 3, padding="same", groups=2), p.LeakyReLU(0.2), p.LocalResponseNorm(3)])
    branches = p.Conv2d(4, 2, (3, 1), padding=((1, 1), (0, 0)), bias=False), p.AvgPool2d(3, stride=1, padding=1)
    return p.Sequential(
        [
            p.Conv2d(1, 4, 3, stride=(1, 2), padding=((2, 0), (1, 1)), dilation=(2, 1)), p.BatchNorm2d(4, eps=1e-3),
            p.ReLU6(), p.Residual(body), p.Residual(p.Tanh(), p.Conv2d(4, 4, 1)), p.Concat(*branches),
            p.MaxPool2d(2, ceil_mode=True), p.PadChannels(0, 1), p.AdaptiveAvgPool2d((2, 1)), p.Sigmoid(),
            p.Dropout(0.25), p.Flatten(), ("head", p.Linear(14, 3)), p.ReLU(), p.Softmax(),
        ],
        input_shape=(1, 9, 12), seed=2**63 + 1, class_names=["ß", "two", "三"], scaling=p.Scaling(0.1307, (0.3081,)),
    )  # fmt: skip


# ---- there and back


def test_all_layers_come_back(tmp_path: Path) -> None:
    network = network_of_all_layers()
    network.parameters()["residual1.body.conv1.bias"].trainable = False
    network.states()["norm1.running_mean"].data = np.linspace(-1, 1, 4, dtype=np.float32)
    again = returned(network, tmp_path)
    assert parts(again) == parts(network)
    x = np.arange(2 * 9 * 12, dtype=np.uint8).reshape(2, 1, 9, 12)
    np.testing.assert_array_equal(again.forward(x), network.forward(x))
    np.testing.assert_array_equal(again.forward(x, training=True), network.forward(x, training=True))  # dropout's masks


@st.composite
def image_layers(draw: st.DrawFn, channels: int, depth: int) -> tuple[p.Layer, int]:
    """A layer for images of at least 6×6 pixels that keeps their size, and the channels that it makes."""
    kinds = ["conv", "norm", "activation", "lrn", "pool", "pad", "dropout"]
    kinds += ["residual", "concat", "block"] * (depth > 0)
    kind = draw(st.sampled_from(kinds))
    if kind == "conv":
        groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
        made = groups * draw(st.integers(1, 3))
        kernel, dilation = draw(st.sampled_from([1, 3, (3, 1)])), draw(st.integers(1, 2))
        bias = draw(st.booleans())
        return p.Conv2d(channels, made, kernel, padding="same", dilation=dilation, groups=groups, bias=bias), made
    if kind == "pad":
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        return p.PadChannels(before, after), before + channels + after
    if kind == "residual":
        body, made = draw(image_layers(channels, depth - 1))
        return p.Residual(body, None if made == channels else p.Conv2d(channels, made, 1)), made
    if kind == "concat":
        branches = [draw(image_layers(channels, depth - 1)) for _ in range(draw(st.integers(1, 2)))]
        return p.Concat(*(layer for layer, _ in branches)), sum(made for _, made in branches)
    if kind == "block":
        inner, made = draw(image_layers(channels, depth - 1))
        return p.Sequential([("inner", inner), p.ReLU()]), made
    fraction = draw(st.floats(0, 1, exclude_min=True, exclude_max=True))
    layer = {
        "norm": p.BatchNorm2d(channels, eps=fraction, momentum=fraction),
        "activation": draw(st.sampled_from([p.ReLU, p.ReLU6, p.Sigmoid, p.Tanh, p.LeakyReLU]))(),
        "lrn": p.LocalResponseNorm(draw(st.integers(1, 5)), alpha=fraction, beta=fraction),
        "pool": draw(st.sampled_from([p.MaxPool2d, p.AvgPool2d]))(3, stride=1, padding=((1, 1), (1, 1))),
        "dropout": p.Dropout(fraction),
    }[kind]
    return layer, channels


@st.composite
def networks(draw: st.DrawFn) -> p.Sequential:
    channels = first = draw(st.integers(1, 3))
    layers: list[Any] = []
    for _ in range(draw(st.integers(1, 4))):
        layer, channels = draw(image_layers(channels, 2))
        layers.append(layer)
    layers += [p.AdaptiveAvgPool2d(2), p.Flatten(), ("ende_", p.Linear(4 * channels, 2, bias=draw(st.booleans())))]
    network = p.Sequential(
        layers,
        input_shape=(first, 6, 7),
        seed=draw(st.integers(0, 2**64 - 1)),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        scaling=p.Scaling(draw(st.floats(-1e3, 1e3)), [draw(st.floats(1e-3, 1e3)) for _ in range(first)]),
        class_names=draw(st.just([]) | st.lists(st.text(), min_size=2, max_size=2)),
    )
    for q in network.parameters().values():
        q.trainable = draw(st.booleans())
    return network


@settings(max_examples=40, deadline=None)
@given(networks())
def test_any_network_comes_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, network: p.Sequential) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert parts(returned(network, folder)) == parts(network)


def test_an_initializer_belongs_to_drawing_and_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    given, default = small(initializer=GlorotUniform()), small()
    default.parameters()["conv1.weight"].data = given.parameters()["conv1.weight"].data
    for path, q in given.parameters().items():
        default.parameters()[path].data = q.data
    save(given, tmp_path / "given")
    save(default, tmp_path / "default")
    assert (tmp_path / "given").read_bytes() == (tmp_path / "default").read_bytes()
    assert parts(load(tmp_path / "given")) == parts(given)


def test_numbers_that_are_no_numbers_come_back_too(tmp_path: Path) -> None:
    network = lenet()
    network.parameters()["conv1.bias"].data[:4] = [np.nan, np.inf, -np.inf, -0.0]
    assert parts(returned(network, tmp_path)) == parts(network)


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(network_of_all_layers(), tmp_path / name)
    save(load(tmp_path / "one"), tmp_path / "three")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == (tmp_path / "three").read_bytes()


def test_bytes_are_those_of_the_file(tmp_path: Path) -> None:
    network = small()
    save(network, tmp_path / "net.safetensors")
    content = to_bytes(network)
    assert content == (tmp_path / "net.safetensors").read_bytes()
    assert to_bytes(from_bytes(content)) == content
    content[-1] ^= 1
    with pytest.raises(ModelFileError, match="the network's bytes, byte"):
        from_bytes(content)


def test_the_safetensors_library_reads_it(tmp_path: Path) -> None:
    network = network_of_all_layers()
    save(network, tmp_path / "net.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    expected = {name: q.data for name, q in network.parameters().items()}
    expected |= {name: s.data for name, s in network.states().items()}
    assert arrays.keys() == expected.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    with safetensors.safe_open(tmp_path / "net.safetensors", "numpy") as file:
        assert file.metadata()["format"] == "pellucid"
        assert json.loads(file.metadata()["architecture"])["class_names"] == ["ß", "two", "三"]


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[:, ::2],
        lambda a: a[::-1],
        lambda a: np.asfortranarray(a),
        lambda a: a.astype(">f4"),
        lambda a: np.broadcast_to(a[0], (4, 6)),
        lambda a: a[:0],
        lambda a: a[1, 2, ...],
    ],
    ids=["transposed", "every second", "backwards", "column-major", "big-endian", "broadcast", "empty", "one number"],
)
def test_an_array_is_written_by_its_values_not_as_it_lies(view: Callable[[Any], Any]) -> None:
    array = view(np.arange(24, dtype=np.float32).reshape(4, 6))
    content = bytes(encode({"first": np.ones(3), "odd": array}, {}))
    np.testing.assert_array_equal(safetensors.numpy.load(content)["odd"], array)
    np.testing.assert_array_equal(decode(content, "file").array("odd"), array)


def test_a_state_that_is_a_view_is_saved_by_its_values(tmp_path: Path) -> None:
    network = p.Sequential([p.BatchNorm2d(3)], input_shape=(3,))
    network.states()["norm1.running_mean"].data = np.arange(6, dtype=np.float64)[::2]
    again = returned(network, tmp_path).states()["norm1.running_mean"].data
    assert (again.tolist(), again.dtype, again.flags.writeable) == ([0, 2, 4], np.float32, True)


def test_shared_parameters_are_stored_once_and_stay_shared(tmp_path: Path) -> None:
    network = p.Sequential([p.Linear(3, 3), p.Residual(p.Linear(3, 3)), p.Linear(3, 3)], input_shape=(3,))
    first, inner, last = network["linear1"], network["residual1.body"], network["linear2"]
    inner.weight = last.weight = first.weight  # type: ignore[attr-defined]
    last.bias = inner.bias  # type: ignore[attr-defined]
    again = returned(network, tmp_path)
    assert list(decode((tmp_path / "net.safetensors").read_bytes(), "").entries) == [
        "linear1.weight", "linear1.bias", "residual1.body.bias",
    ]  # fmt: skip
    assert parts(again) == parts(network)
    first, inner, last = again["linear1"], again["residual1.body"], again["linear2"]
    assert first.weight is inner.weight is last.weight  # type: ignore[attr-defined]
    assert last.bias is inner.bias is not first.bias  # type: ignore[attr-defined]
    first.weight.data[...] = 0  # type: ignore[attr-defined]
    assert not last.weight.data.any()  # type: ignore[attr-defined]


# ---- layers of one's own


def test_a_layer_of_ones_own_comes_back_by_its_class(tmp_path: Path) -> None:
    network = p.Sequential([p.Residual(Scale(0.5, (2, 1, 1))), p.ReLU()], input_shape=(2, 2, 2))
    network.parameters()["residual1.body.shift"].data[...] = 3
    again = returned(network, tmp_path, (Scale,))
    assert parts(again) == parts(network)
    assert isinstance(again["residual1.body"], Scale)
    with pytest.raises(ModelFileError) as caught:
        load(tmp_path / "net.safetensors")
    assert str(caught.value) == (
        f"{tmp_path / 'net.safetensors'}: the architecture describes no network: residual1.body: the class Scale is "
        "not known; classes of your own belong in load(path, layers=[…]); else the file is not from this version's save"
    )


def test_a_subclass_that_only_fills_a_container_is_saved_as_the_container(tmp_path: Path) -> None:
    network = p.Sequential([Block(2), p.Residual(Block(2))], input_shape=(2, 4, 4))
    assert parts(returned(network, tmp_path)) == parts(network)

    class Whole(p.Sequential):
        def __init__(self) -> None:
            super().__init__([p.ReLU()], input_shape=(3,))

    assert type(returned(Whole(), tmp_path)) is p.Sequential


def test_a_container_of_ones_own_with_a_config_comes_back_by_its_class(tmp_path: Path) -> None:
    class Twice(p.Residual):
        def __init__(self, channels: int):
            super().__init__(Block(channels))
            self.channels = channels

        def config(self) -> dict[str, Any]:
            return {"channels": self.channels}

    network = p.Sequential([Twice(2)], input_shape=(2, 4, 4))
    again = returned(network, tmp_path, (Twice,))
    assert parts(again) == parts(network)
    assert isinstance(again[0], Twice)


def silent(factor: float) -> p.Layer:
    class Silent(Scale):
        config = p.Layer.config

    return Silent(factor)


def renamed(name: str, config: dict[str, Any]) -> p.Layer:
    layer = type(name, (Scale,), {"config": lambda self: config})(2.0)
    assert isinstance(layer, p.Layer)
    return layer


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (silent(2.0), "scale1: Silent cannot be saved without a config() that returns its constructor's arguments"),
        (renamed("Odd", {"factory": 2}), "scale1: Odd.config() must return its constructor's arguments"),
        (renamed("Odd", {"factor": np.float32(2)}), "as plain numbers, texts and lists"),
        (renamed("Odd", {"factor": float("nan")}), "as plain numbers, texts and lists"),
        (renamed("Conv2d", {"factor": 2}), "scale1: the name Conv2d means the library's own layer"),
    ],
)
def test_a_layer_that_could_not_come_back_is_not_saved(layer: p.Layer, message: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        save(p.Sequential([("scale1", layer)], input_shape=(1,)), tmp_path / "net")
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_network_is_not_saved(tmp_path: Path) -> None:
    class Doubled(p.Sequential):
        def forward(self, x: Any, training: bool = False) -> Any:
            return 2 * super().forward(x, training)

    for wrong in (p.ReLU(), p.Sequential([p.ReLU()]), Doubled([p.ReLU()], input_shape=(3,))):
        with pytest.raises(ArgumentError, match="save: "):
            save(wrong, tmp_path / "net")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_settings_too_deep_for_a_file_are_not_saved(tmp_path: Path) -> None:
    class Deep(p.ReLU):
        def __init__(self, tree: Any):
            super().__init__()
            self.tree = tree

        def config(self) -> dict[str, Any]:
            return {"tree": self.tree}

    tree: list[Any] = []
    for _ in range(70):
        tree = [tree]
    with pytest.raises(ArgumentError, match="the layers are nested too deep: as JSON 75 levels, load takes 64"):
        save(p.Sequential([Deep(tree)], input_shape=(3,)), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_the_deepest_network_that_can_be_made_can_be_saved(tmp_path: Path) -> None:
    """Of layers with the deepest settings: a graph's say who reads what."""
    deep: p.Layer = p.Reshape((1, 3, 1))
    for _ in range(LIMITS.nesting - 1):
        deep = p.Graph({"deep": (deep, "input")})
    network = p.Graph({"deep": (deep, "input")}, input_shape=(3,))
    save(network, tmp_path / "net")
    assert repr(load(tmp_path / "net")) == repr(network)


def test_layers_must_be_classes_with_names_of_their_own(tmp_path: Path) -> None:
    save(small(), tmp_path / "net")
    with pytest.raises(ArgumentError, match="expected classes derived from Layer, received 3"):
        load(tmp_path / "net", layers=[3])  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="the name Conv2d is taken already"):
        load(tmp_path / "net", layers=[type(renamed("Conv2d", {}))])
    assert load(tmp_path / "net", layers=[Scale, Scale, p.Conv2d]).input_shape == (1, 8, 8)


# ---- damage


@pytest.fixture(scope="module")
def little() -> bytes:
    """A small file: a convolution, a normalisation, a dense layer."""
    layers = [p.Conv2d(1, 2, 2), p.BatchNorm2d(2), p.Flatten(), p.Linear(8, 2)]
    network = p.Sequential(layers, input_shape=(1, 3, 3), class_names=["a", "b"])
    arrays = {name: q.data for name, q in (network.parameters() | network.states()).items()}  # type: ignore[operator]
    assert len(arrays) == 8
    metadata = {"format": "pellucid", "format_version": "1", "architecture": json.dumps(describe(network))}
    return bytes(encode(arrays, metadata))


def refusal(content: bytes, folder: Path, limits: Limits | None = None) -> str:
    """The message with which a file of this content is refused, without the file's name."""
    path = folder / "net"
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        load(path, limits=limits or Limits())
    message = str(caught.value)
    assert message.startswith(str(path)), "the message must name the file"
    assert "; " in message, "the message must say what to do"
    return message.removeprefix(str(path))


def test_no_damage_goes_unseen(little: bytes, tmp_path: Path, rng: np.random.Generator) -> None:
    (tmp_path / "net").write_bytes(little)
    load(tmp_path / "net")  # the control: without damage it loads
    for trial in range(300):
        at = int(rng.integers(len(little)))
        if trial % 6 == 0:
            damaged = little[:at]
        elif trial % 6 == 1:
            damaged = little[:at] + bytes([int(rng.integers(256))]) + little[at:]
        else:
            damaged = little[:at] + bytes([little[at] ^ int(rng.integers(1, 256))]) + little[at + 1 :]
        refusal(damaged, tmp_path)
    refusal(little + b"\0", tmp_path)


def resealed(content: bytes) -> bytes:
    """The content with a seal that is right, as one who means harm would make it."""
    zeroed = content[: SEAL.start] + b"0" * 64 + content[SEAL.stop :]
    return content[: SEAL.start] + hashlib.sha256(zeroed).hexdigest().encode() + content[SEAL.stop :]


def test_a_right_seal_on_a_wrong_file_breaks_nothing(little: bytes, tmp_path: Path, rng: np.random.Generator) -> None:
    """Bytes of the header change and the seal is right again: either the file is refused, or it is a network."""
    header, path, loaded = int.from_bytes(little[:8], "little"), tmp_path / "net", 0
    for _ in range(300):
        at = int(rng.integers(SEAL.stop, 8 + header))
        path.write_bytes(resealed(little[:at] + bytes([int(rng.integers(32, 127))]) + little[at + 1 :]))
        try:
            network = load(path)
        except ModelFileError:
            continue
        loaded += 1
        assert network.forward(np.zeros((1, *(network.input_shape or ())))).shape[0] == 1
    assert 0 < loaded < 100  # a letter of a class name may change, few other things


Header = dict[str, Any]


def edited(content: bytes, edit: Callable[[Header, Header], Any]) -> bytes:
    """The content after an edit of its header and its architecture, resealed."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    architecture = json.loads(header["__metadata__"]["architecture"])
    replaced = edit(header, architecture)
    if "__metadata__" in header and "architecture" in header["__metadata__"]:
        header["__metadata__"]["architecture"] = json.dumps(architecture)
    text = replaced if isinstance(replaced, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return resealed(struct.pack("<Q", len(text)) + text + content[end:])


def raw(rest: str) -> Callable[[Header, Header], bytes]:
    return lambda *_: ('{"__metadata__":{"sha256":"' + "0" * 64 + '"},"a":' + rest).encode()


def layer_config(number: int, **config: Any) -> Callable[[Header, Header], None]:
    return lambda header, architecture: architecture["layers"][number][2].update(config)


def tensor(name: str, **entry: Any) -> Callable[[Header, Header], None]:
    return lambda header, architecture: header[name].update(entry)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        # the header's arrays
        (tensor("conv1.weight", shape=[4194305, 4194305, 211106198978564]), "expected a shape of at most 8 sizes"),
        (tensor("conv1.weight", shape=[4194304, 4194304]), "4194304·4194304 numbers of 4 bytes = 70,368,744,177,664"),
        (tensor("conv1.weight", shape=[0, *[2**32] * 3], data_offsets=[0, 0]), "4,294,967,296 numbers, found 0·"),
        (tensor("conv1.weight", shape=[2, 1, 2, -2]), "expected a shape of at most 8 sizes from 0 to 4,294,967,296"),
        (tensor("conv1.weight", shape=[2, True, 2, 2]), "expected a shape"),
        (tensor("conv1.weight", shape=[1] * 8 + [8]), "expected a shape"),
        (tensor("conv1.weight", shape="8"), "expected dtype, shape and data_offsets"),
        (tensor("conv1.weight", dtype="F99"), "expected a dtype of F8_E4M3"),
        (tensor("conv1.weight", dtype="O"), "expected a dtype of"),
        (tensor("conv1.weight", dtype="U32"), "conv1.weight (expected 2×1×2×2 (F32), found 2×1×2×2 (U32))"),
        (tensor("conv1.weight", more=1), "expected dtype, shape and data_offsets"),
        (tensor("conv1.weight", data_offsets=[0, 10**19]), "= 32 bytes, found 10,000,000,000,000,000,000"),
        (tensor("conv1.weight", data_offsets=[-32, 0]), "expected to begin at byte"),
        (tensor("conv1.bias", data_offsets=[0, 8]), "expected to begin at byte"),
        (tensor("linear1.bias", data_offsets=[10**6, 10**6 + 8]), "expected to begin at byte"),
        (lambda header, _: header.pop("norm1.running_var"), "expected the file to end at byte"),
        (lambda header, _: header.update(__metadata__={"sha256": "0" * 64, "format": 3}), "to map text to text"),
        (raw('1,"a":2}'), "'a' stands there twice"),
        (raw("[" * 100_000), "nested at most 64 deep"),
        (raw('{"dtype":"F32","shape":[' + "[]," * 600_000 + "[]]}}"), "the header of at most 1,600,000 parts, found"),
        (raw("[" + '"",' * 900_000 + '""]}'), "the header of at most 1,600,000 parts, found more"),
        (raw('{"dtype":"F32","shape":[' + "[]," * 400_000 + "[]]}}"), "found {'dtype': 'F32', 'shape': [[], [], [], ["),
        (raw("NaN}"), "NaN is no JSON number"),
        (raw("9" * 5000 + "}"), "expected JSON as the header"),
        # versions
        (lambda header, _: header["__metadata__"].update(format_version="2"),
         ": expected a network of format version 1, found '2'; it is of a newer Pellucid: update Pellucid to read it"),
        (lambda header, _: header["__metadata__"].update(format_version="0"),
         ": expected a network of format version 1, found '0'; "
         "it is of an older Pellucid, which this one reads no more: use that version"),
        (lambda header, _: header["__metadata__"].update(format_version="new"),
         ": expected a network of format version 1, found 'new'; the file is damaged"),
        (lambda header, _: header["__metadata__"].update(format="other"), "found arrays without an architecture"),
        (lambda header, _: header["__metadata__"].pop("architecture"), "expected JSON as the architecture"),
        # the architecture
        (lambda _, built: built.pop("seed"), "expected layers, input_shape, dtype, seed, …"),
        (lambda _, built: built.update(layers=[[]]), "layers: expected [name, class, config, …]"),
        (lambda _, built: built["layers"][2].__setitem__(1, "system"), "flatten1: the class system is not"),
        (lambda _, built: built["layers"][2].__setitem__(1, "Flaten"), "Flaten is not known; did you mean 'Flatten'?"),
        (lambda _, built: built["layers"][2].append(["a", "ReLU", {}]), "Flatten expects children [], found ['a']"),
        (lambda _, built: built["layers"].append(["r", "Residual", {}, ["torso", "ReLU", {}]]),
         "r: Residual refuses its settings"),
        (lambda _, built: built["layers"].append(["c", "Concat", {}, ["left", "ReLU", {}]]),
         "c: Concat expects children ['branch1'], found ['left']"),
        (lambda _, built: built["layers"].append(["s", "Sequential", {"layers": []}, ["a", "ReLU", {}]]),
         "s: Sequential has no setting layers"),
        (lambda _, built: built["layers"].append(["a.b", "ReLU", {}]), "expected a name of letters"),
        (lambda _, built: built["layers"].append(["x", "Linear", {"in_features": 3, "out_features": 1}]),
         "x (layer 5): expects 3 features"),
        (layer_config(1, num_features=10**15), "BatchNorm2d with num_features=1,000,000,000,000,000 needs at least"),
        (lambda _, built: built["layers"].append(["g", "Gain", {"shape": [10**6, 10**6]}]),
         "g: Gain of shape (1000000, 1000000) needs 4,000,000,000,000 bytes of weights, the file has"),
        (lambda _, built: built["layers"].append(["b", "Bias", {"shape": [3, -1]}]), "b: Bias refuses its settings"),
        (lambda _, built: built["layers"].append(["l", "PReLU", {"num_parameters": 10**12}]),
         "l: PReLU with num_parameters=1,000,000,000,000 needs at least"),
        (lambda _, built: built["layers"].append(["t", "Transpose", {"axes": [[1], 2]}]), "t: Transpose refuses its"),
        (layer_config(1, eps=10**400), "10000000000000000000… is too large a number"),
        (lambda _, built: built.update(input_shape=[1, 10**19, 10**19]), "input_shape: a single output"),
        (layer_config(1, eps=None), "norm1: BatchNorm2d refuses its settings"),
        (layer_config(0, initializer="x"), "conv1: Conv2d refuses its settings"),
        (layer_config(0, initializer=None), "conv1: Conv2d has no setting initializer"),
        (layer_config(0, surprise=1), "conv1: Conv2d refuses its settings"),
        (layer_config(0, out_channels=3), "the architecture describes no network"),
        (lambda _, built: built["layers"].pop(1), "extra in the file: norm1.weight 2 (F32), norm1.bias 2 (F32)"),
        (lambda _, built: built["layers"].append(["more", "BatchNorm2d", {"num_features": 2}]),
         "missing in the file: more.weight 2, more.bias 2, more.running_mean 2 and 1 more;"),
        (lambda _, built: built.update(dtype="float64"), "(expected 2×1×2×2 (F64), found 2×1×2×2 (F32))"),
        (lambda _, built: built.update(dtype="object"), "dtype: expected float32 or float64"),
        (lambda _, built: built.update(input_shape=[1, 0, 3]), "input_shape: expected a whole number"),
        (lambda _, built: built.update(seed=-1), "seed"),
        (lambda _, built: built.update(scaling={"mean": "x", "std": 1}), "scaling: "),
        (lambda _, built: built.update(scaling={"mean": 0, "std": [0]}), "scaling: "),
        (lambda _, built: built.update(class_names=[1, 2]), "expected layers, input_shape"),
        (lambda _, built: built.update(frozen=["conv9.weight"]), "frozen: expected paths of parameters"),
        (lambda _, built: built.update(shared={"norm1.weight": "x"}), "shared: expected the paths"),
        (lambda _, built: built.update(shared={"conv1.forward": "conv1.bias"}), "shared: expected the"),
        (lambda _, built: built.update(shared={"x.weight": "conv1.bias"}), "no layer 'x'"),
        (lambda _, built: built.update(shared={"weight": "conv1.bias"}), "shared: expected the paths"),
        (lambda _, built: built.update(shared={"conv1.weight": "conv1.bias"}), "has the shape (2, 1, 2, 2)"),
    ],
)  # fmt: skip
def test_wrong_statements_with_a_right_seal(
    edit: Callable[[Header, Header], Any], message: str, little: bytes, tmp_path: Path
) -> None:
    assert message in refusal(edited(little, edit), tmp_path)


def test_an_edit_that_changes_nothing_loads(little: bytes, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(edited(little, lambda *_: None))  # the control of the test above
    assert load(tmp_path / "net").class_names == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": expected at least 10 bytes, found 0; this is no safetensors file"),
        (b"PK\x03\x04" + b"x" * 40, ", byte 0: expected a header of at most 36 bytes, found 8,680,820,738,615,364,432"),
        (struct.pack("<Q", 2) + b"[]", ", byte 8: expected the header to begin with {, found b'['"),
        (struct.pack("<Q", 4) + b'{"\xff"', ", byte 10: expected UTF-8 in the header, found invalid start byte"),
        (struct.pack("<Q", 2) + b"{{", ": expected JSON as the header, found an error"),
        (struct.pack("<Q", 2) + b"{}", ": expected a network saved by Pellucid, found arrays without an architecture"),
    ],
)
def test_what_is_no_network_file(content: bytes, message: str, tmp_path: Path) -> None:
    assert refusal(content, tmp_path).startswith(message)


def test_a_file_of_ours_without_its_seal_is_refused(little: bytes, tmp_path: Path) -> None:
    with_library = safetensors.numpy.save({"a": np.zeros(2)}, {"format": "pellucid", "format_version": "1"})
    assert "expected the SHA-256 of the file at its beginning" in refusal(with_library, tmp_path)
    assert "expected the SHA-256" in refusal(little.replace(b"sha256", b"sha257", 1), tmp_path)


def test_the_limits_hold_before_anything_is_made(little: bytes, tmp_path: Path) -> None:
    assert "at most 7 arrays, found 8" in refusal(little, tmp_path, Limits(tensors=7))
    assert "header of at most 100 bytes" in refusal(little, tmp_path, Limits(header_bytes=100))
    assert "expected the architecture nested at most 3 deep" in refusal(little, tmp_path, Limits(json_depth=3))
    assert "at most 3 sizes" in refusal(little, tmp_path, Limits(dimensions=3))
    with pytest.raises(StorageError, match="the limit is 99"):
        load(tmp_path / "net", limits=Limits(file_bytes=99))
    with pytest.raises(StorageError) as caught:
        load(tmp_path / "missing")
    assert str(caught.value) == f"cannot read {tmp_path / 'missing'}: there is no such file"


@pytest.mark.parametrize(
    "layer",
    [p.AdaptiveAvgPool2d(20_000), p.Conv2d(1, 1, 1, padding=10_000)],
    ids=["pooling to many places", "padding"],
)
def test_outputs_that_take_gigabytes_are_refused(layer: p.Layer, tmp_path: Path) -> None:
    layers = [layer, p.ReLU(), p.ReLU(), p.AdaptiveAvgPool2d(1), p.Flatten()]
    save(p.Sequential(layers, input_shape=(1, 8, 8)), tmp_path / "net")
    with pytest.raises(ModelFileError, match=r"outputs take at most 4\.3 GB for one sample, found \d+\.\d GB; if"):
        load(tmp_path / "net")
    assert len(load(tmp_path / "net", limits=Limits(sample_bytes=1 << 40))) == len(layers)


def test_a_folder_without_a_model_is_no_run(tmp_path: Path) -> None:
    for read in (load, lambda path: load_weights(small(), path)):
        with pytest.raises(StorageError) as caught:
            read(tmp_path)
        fix = "the folder holds no run; name that of one, or a file of weights"
        assert str(caught.value) == f"cannot read {tmp_path / 'model.safetensors'}: {fix}"
        assert caught.value.errno == errno.ENOENT


def test_a_header_may_be_as_rich_as_that_of_the_most_tensors() -> None:
    entry = '"conv1.weight":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,4]}'
    depth, parts = structure(f"{entry},{entry}", LIMITS.json_parts)
    assert (depth, parts) == (2, 2 * 21 + 1)
    assert LIMITS.tensors * (parts + 1) / 2 < LIMITS.json_parts
    assert structure("[" * 100, 10) == (11, 11)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net.pkl", "pickle"), ("net.pickle", "pickle"), ("net.PT", "PyTorch"), ("net.pth", "PyTorch"),
        ("net.onnx", "ONNX"), ("net.h5", "HDF5"), ("net.keras", "Keras"), ("net.npz", "NumPy"),
    ],
)  # fmt: skip
def test_a_name_that_promises_another_kind_of_file_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError) as caught:
        save(network_of_all_layers(), tmp_path / name)
    assert str(caught.value) == (
        f"save: {tmp_path / name} looks like a {kind} file, but save writes safetensors; name it "
        f"{tmp_path / 'net.safetensors'}{', or call save_onnx(network, path)' if kind == 'ONNX' else ''}"
    )
    assert not list(tmp_path.iterdir())


# ---- weights into a network that is there


def linear(**settings: Any) -> p.Sequential:
    return p.Sequential([("a", p.Linear(2, 3)), ("b", p.Linear(3, 1))], input_shape=(2,), **settings)


def write(folder: Path, **arrays: Any) -> Path:
    safetensors.numpy.save_file({name.replace("__", "."): array for name, array in arrays.items()}, folder / "weights")
    return folder / "weights"


def weights_for(network: p.Sequential, dtype: str) -> dict[str, Any]:
    return {
        path.replace(".", "__"): np.arange(q.size, dtype=dtype).reshape(q.shape) + 1
        for path, q in network.parameters().items()
    }


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_plain_file_needs_a_network_and_fills_it(dtype: str, tmp_path: Path) -> None:
    network = linear()
    path = write(tmp_path, **weights_for(network, dtype))
    with pytest.raises(ModelFileError, match=r"make the network, then call load_weights\(network, path\)"):
        load(path)
    assert not load_weights(network, path)
    weight = network.parameters()["a.weight"].data
    assert (weight.tolist(), weight.dtype) == ([[1, 2], [3, 4], [5, 6]], np.float32)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    values = torch.tensor([[1.5, -3e38], [0.1, -0.0]], dtype=torch.bfloat16)
    save_file({"linear1.weight": values, "linear1.bias": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "weights")
    network = p.Sequential([p.Linear(2, 2)], input_shape=(2,))
    load_weights(network, tmp_path / "weights")
    np.testing.assert_array_equal(network.parameters()["linear1.weight"].data, values.float().numpy())


def test_weights_of_our_own_file_with_states(tmp_path: Path) -> None:
    network = network_of_all_layers()
    network.states()["norm1.running_var"].data[...] = 7
    save(network, tmp_path / "net")
    other = network_of_all_layers()
    other.initialize(99)
    assert str(load_weights(other, tmp_path / "net")) == "none"
    assert parts(other) == {**parts(network), "seed": 99}


def test_strict_lists_all_that_does_not_fit_and_changes_nothing(tmp_path: Path) -> None:
    network = linear()
    before = parts(network)
    path = write(tmp_path, a__weight=np.ones((3, 2), "f4"), a__bias=np.ones(3, "i8"), b__weight=np.ones((3, 1), "f4"),
                 c__weight=np.ones(2, "f4"), c__steps=np.ones((), "i8"))  # fmt: skip
    with pytest.raises(ModelFileError) as caught:
        load_weights(network, path)
    floats = "F64 or F32 or F16 or BF16"
    assert str(caught.value) == (
        f"{path}: the weights do not fit the network: missing in the file: b.bias 1; "
        "extra in the file: c.steps a single number (I64), c.weight 2 (F32); "
        f"misshapen: a.bias (expected 3 ({floats}), found 3 (I64)), b.weight (expected 1×3, found 3×1 (F32)); "
        "make the network that the file was saved from, or take what fits with strict=False"
    )
    assert parts(network) == before

    found = load_weights(network, path, strict=False)
    assert (list(found.missing), set(found.extra), list(found.misshapen)) == (
        ["b.bias"], {"c.steps", "c.weight"}, ["a.bias", "b.weight"],
    )  # fmt: skip
    assert (network.parameters()["a.weight"].data == 1).all()
    assert not (network.parameters()["b.weight"].data == 1).any()


def test_a_file_of_which_nothing_fits_is_refused_even_if_not_strict(tmp_path: Path) -> None:
    path = write(tmp_path, other__weight=np.ones(2, "f4"))
    with pytest.raises(ModelFileError, match=r"nothing in the file fits the network: missing in the file: a\.weight"):
        load_weights(linear(), path, strict=False)


def test_a_damaged_file_changes_no_weight(little: bytes, tmp_path: Path) -> None:
    layers = [p.Conv2d(1, 2, 2), p.BatchNorm2d(2), p.Flatten(), p.Linear(8, 2)]
    network = p.Sequential(layers, input_shape=(1, 3, 3), seed=5)
    before = parts(network)
    (tmp_path / "net").write_bytes(little[:-1] + bytes([little[-1] ^ 1]))
    with pytest.raises(ModelFileError, match="the file is not what was saved"):
        load_weights(network, tmp_path / "net")
    assert parts(network) == before
    (tmp_path / "net").write_bytes(little)
    assert not load_weights(network, tmp_path / "net")
    assert parts(network)["weights"] != before["weights"]


def test_many_differences_are_counted_not_listed() -> None:
    text = str(Differences({f"w{i}": "3×2" for i in range(25)}, {}, {}))
    assert text == "missing in the file: w0 3×2, w1 3×2, w2 3×2 and 22 more"


def test_texts_of_a_file_are_shown_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    def edit(_: Header, built: Header) -> None:
        built["layers"][0][1] = "\x1b[2J\nerror: none" + "X" * 10_000

    small_network = p.Sequential([p.Conv2d(1, 2, 2)], input_shape=(1, 3, 3))
    save(small_network, tmp_path / "net")
    message = refusal(edited((tmp_path / "net").read_bytes(), edit), tmp_path)
    assert r"the class \x1b[2J\nerror: noneXXX" in message
    assert message.isprintable()
    assert len(message) < 1000


def test_a_file_takes_no_more_than_half_of_the_memory(
    little: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net").write_bytes(little)
    monkeypatch.setattr("pellucid.serialization.model_file.physical_memory", lambda: 2 * len(little))
    load(tmp_path / "net")  # the control
    monkeypatch.setattr("pellucid.serialization.model_file.physical_memory", lambda: 2 * len(little) - 2)
    with pytest.raises(StorageError, match=f"the limit is {len(little) - 1:,}"):
        load(tmp_path / "net")


@pytest.mark.parametrize("name", ["a\0b", "n" * 1000])
def test_a_name_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    for attempt in (lambda path: save(linear(), path), load, lambda path: load_weights(linear(), path)):
        with pytest.raises((ArgumentError, StorageError)):
            attempt(str(tmp_path / name))


def test_a_shape_error_inside_a_file_says_where(little: bytes, tmp_path: Path) -> None:
    message = refusal(edited(little, lambda _, built: built.update(input_shape=[1, 1, 1])), tmp_path)
    assert "conv1 (layer 1): a 2×2 window finds no place" in message
    assert issubclass(ShapeError, p.PellucidError)

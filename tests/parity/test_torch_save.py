"""Files that torch itself has saved, in both of its formats, read without it."""

import argparse
import warnings

import numpy as np
import pytest

import pellucid as p
from pellucid.errors import ModelFileError
from pellucid.interop.torch_file import decode

torch = pytest.importorskip("torch", reason="torch is not installed")
nn = torch.nn
torch.set_num_threads(1)  # small as these are, threads only wait for each other
torch.optim.SGD([torch.zeros(1)], lr=0.1)  # the first one sets environment variables: here, before tests watch them

both = pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "old"])


@pytest.fixture
def save(as_zip, tmp_path):
    def save(value, **options):
        path = tmp_path / "weights.pth"
        torch.save(value, path, _use_new_zipfile_serialization=as_zip, **options)
        return path

    return save


def read(path):
    file = decode(path.read_bytes(), str(path))
    return {name: file.array(name) for name in file.entries}


def refusal(path):
    with pytest.raises(ModelFileError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


@both
def test_every_dtype(save):
    kinds = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
    tensors = {kind: torch.tensor([[0, 1, 1], [1, 0, 1]]).to(getattr(torch, kind)) for kind in kinds}
    found = read(save(tensors))
    assert found.keys() == tensors.keys()
    for kind, tensor in tensors.items():
        assert found[kind].dtype == kind
        np.testing.assert_array_equal(found[kind], tensor.numpy(), err_msg=kind)


@both
def test_bfloat16(save):
    values = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    found = read(save({"w": values.T}))["w"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values.T.float().numpy())


@both
def test_views_parameters_and_tensors_of_no_numbers(save):
    whole = torch.arange(24.0).reshape(4, 6)
    views = {
        "whole": whole, "part": whole[1:3, 2:], "turned": whole.T, "steps": whole[:, ::3],
        "spread": whole[0, 0].expand(3, 2),
        "channels last": torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "parameter": nn.Parameter(whole[2]), "frozen": nn.Parameter(whole, requires_grad=False),
        "scalar": torch.tensor(2.5), "none": torch.zeros(0, 3),
    }  # fmt: skip
    found = read(save(views))
    assert found.keys() == views.keys()
    for name, tensor in views.items():
        assert found[name].shape == tuple(tensor.shape), name
        np.testing.assert_array_equal(found[name], tensor.detach().numpy(), err_msg=name)


@both
def test_a_parameter_with_something_hung_on_to_it(save):
    parameter = nn.Parameter(torch.ones(2))
    parameter.note = "mine"
    np.testing.assert_array_equal(read(save({"w": parameter}))["w"], [1, 1])


@both
def test_a_checkpoint(save):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    held = {"epoch": 7, "loss": 0.25, "optimizer": optimizer.state_dict(), "state_dict": model.state_dict()}
    found = read(save(held))
    assert found.keys() == model.state_dict().keys()
    np.testing.assert_array_equal(found["3.weight"], model[3].weight.detach().numpy())


@both
def test_what_is_more_than_tensors_is_named(save):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old format has no source code of nn's to keep
        path = save(nn.Sequential(nn.Linear(2, 2)))
    message = refusal(path)
    assert "expected tensors in plain containers, found the name 'torch.nn.modules.container Sequential'" in message
    assert 'torch.save(model.state_dict(), "weights.pth")' in message
    message = refusal(save({"args": argparse.Namespace(lr=0.1), "state_dict": {"w": torch.ones(2)}}))
    assert "found the name 'argparse Namespace'" in message
    assert "found the name 'torch ComplexFloatStorage'" in refusal(save({"w": torch.ones(2, dtype=torch.complex64)}))
    negative = torch._neg_view(torch.ones(2))
    assert "found one that torch would still change" in refusal(save({"w": negative}))
    assert "expected protocol 2 or 3, found 4" in refusal(save({"w": torch.ones(2)}, pickle_protocol=4))
    assert "expected tensors by name, found a tensor" in refusal(save(torch.ones(2)))


def test_a_torchscript_program(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
        torch.jit.script(nn.Linear(2, 2)).save(tmp_path / "program.pt")
    assert "found a TorchScript program, which is code; in PyTorch, save with" in refusal(tmp_path / "program.pt")


@both
def test_weights_into_a_network_and_what_it_then_computes(save):
    theirs = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)).eval()
    theirs[1].running_var.fill_(0.3)
    ours = p.Sequential(
        [("0", p.Conv2d(1, 2, 3)), ("1", p.BatchNorm2d(2)), p.ReLU(), p.Flatten(), ("4", p.Linear(32, 3))],
        input_shape=(1, 6, 6),
    )
    assert not p.load_weights(ours, save(theirs.state_dict()))
    x = np.random.default_rng(0).normal(0, 1, (5, 1, 6, 6)).astype("f4")
    np.testing.assert_allclose(ours.forward(x), theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)

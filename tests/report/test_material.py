"""What a report is made of: mistakes are explained in one pass, where a network makes maps and where not."""

import numpy as np
import pytest

import pellucid as p
from oracles.reports import network, stripes
from pellucid import explanations, interpreter
from pellucid.report.material import gather

pytest.importorskip("matplotlib")


def without_maps(**options):
    return p.Sequential([p.Flatten(), p.Linear(36, 3)], input_shape=(1, 6, 6), **options)


@pytest.mark.parametrize("made", [network(), without_maps()], ids=["maps", "none"])
def test_mistakes_are_explained_in_one_pass(made, monkeypatch):
    backward, run = [], interpreter.run

    def counted(program, *more):
        backward.append(program.backward > program.forward)
        return run(program, *more)

    monkeypatch.setattr(interpreter, "run", counted)
    data = p.Dataset(*stripes(24))
    found = gather("stripes", made, data=data).explained
    assert sum(backward) == 1
    x, classes = data.images[found.samples], p.predict_classes(made, data.images[found.samples])
    np.testing.assert_array_equal(found.saliency, explanations.saliency(made, x, classes))
    assert found.layer == ("relu1" if "conv1" in made.children() else "")
    if found.layer:
        cam = explanations.over_image(made, found.layer, explanations.grad_cam(made, x, classes))
        np.testing.assert_array_equal(found.cam, cam)
    else:
        assert found.cam is None

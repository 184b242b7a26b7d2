"""One image, and few of them, on several threads: the same bits, and what is shared."""

import numpy as np
import pytest

import pellucid as p
from oracles.compiled import Factor, executable, planned, training_program
from pellucid.build import lower
from pellucid.compiler import plan as plans
from pellucid.compiler.plan import JobPhase, Scope, equal_strips_of, shares_of, strips_of
from pellucid.compiler.schedule import calls
from pellucid.compiler.spreading import PARTS_EACH, spread

pytestmark = pytest.mark.usefixtures("kept_kernels")
SHAPE = (3, 40, 36)


def network(*more):
    """Return a network with every kind of layer whose work on an image can be cut."""
    path = p.Sequential([p.Conv2d(24, 24, 3, padding=1, groups=24), p.BatchNorm2d(24), p.ReLU6(), p.Conv2d(24, 24, 1)])
    layers = [
        p.Conv2d(3, 24, 5, padding=2), p.BatchNorm2d(24), p.ReLU(), p.LocalResponseNorm(3), p.Residual(path),
        p.MaxPool2d(2), *more, p.Concat(p.Conv2d(24, 40, 3, padding=1), p.AvgPool2d(3, stride=1, padding=1)),
        p.Conv2d(64, 130, 3, groups=2), p.LeakyReLU(), p.Flatten(), p.Linear(130 * 18 * 16, 200), p.Tanh(),
        p.Linear(200, 7),
    ]  # fmt: skip
    return p.Sequential(layers, input_shape=SHAPE)


@pytest.fixture
def small_work(monkeypatch):
    """Let the smallest work be worth another thread."""
    monkeypatch.setattr(plans, "WORTH_SHARING", 1000)
    monkeypatch.setattr(plans, "STRIP", 100)


def outputs(native, images):
    found = np.full((len(images), *native.program.values[native.program.output].shape), np.nan, np.float32)
    native.predict(images, found)
    return found


@pytest.mark.parametrize("more", [(), (Factor(),)], ids=["native", "with a layer of one's own"])
def test_an_image_has_the_same_bits_on_any_number_of_threads(more, small_work):
    made = network(*more)
    images = np.random.default_rng(0).standard_normal((9, *SHAPE), np.float32)
    expected = outputs(executable(made, lower(made), 9), images)
    exact = p.predict(made, images, engine="numpy")
    assert np.abs(expected - exact).max() < 2e-5 * np.abs(exact).max()
    for threads in (2, 3, 7):
        native = executable(made, lower(made), 9, threads)
        for count in (9, 1, 2, 8, 1):
            assert np.array_equal(outputs(native, images[:count]), expected[:count])
        alone = native.single()
        for image, row in zip(images, expected, strict=True):
            assert np.array_equal(alone(image[None]), row[None])


@pytest.mark.parametrize("ends", [p.AdaptiveAvgPool2d(1), p.AvgPool2d(16), p.MaxPool2d((2, 16))], ids=repr)
def test_what_one_thread_does_between_has_rows_of_its_own(ends, monkeypatch):
    """A pooling that follows calls of more rows, in a job with these; indices are checked."""
    monkeypatch.setenv("PELLUCID_CHECK", "1")
    path = p.Residual(p.Conv2d(16, 32, 3, stride=2, padding=1), p.Conv2d(16, 32, 1, stride=2))
    made = p.Sequential(
        [p.Conv2d(3, 16, 3, padding=1), p.ReLU(), path, p.ReLU(), ends, p.Flatten()], input_shape=(3, 32, 32)
    )
    image = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    exact = p.predict(made, image, engine="numpy")
    assert np.abs(p.predict(made, image, threads=2) - exact).max() < 2e-5 * np.abs(exact).max()


def test_large_work_is_shared_by_rows_filters_and_strips(small_work):
    plan = planned(lower(network()))
    found = spread(plan, 3)
    shared = {job[0].recipe.name for phase in found.phases if isinstance(phase, JobPhase) for job in phase.jobs
              if job[0].parts > 1}  # fmt: skip
    assert shared == {
        "conv2d", "depthwise_conv2d", "batch_norm_running", "relu6", "local_response_norm", "add", "max_pool2d",
        "avg_pool2d", "concat", "leaky_relu", "linear",
    }  # fmt: skip
    assert [call.recipe for call in calls(found.phases)] == [call.recipe for call in calls(plan.phases)]
    assert max(call.parts for call in calls(found.phases)) == 3 * PARTS_EACH
    for call in calls(found.phases):
        assert call.count == 1
        assert all(operand.buffer.scope is not Scope.PASSING for operand in call.operands)


def test_what_is_not_shared_stays_together():
    found = spread(planned(lower(network())), 2)
    jobs = [job for phase in found.phases for job in phase.jobs]
    assert any(len(job) > 1 for job in jobs)
    assert all(len(job) == 1 for job in jobs if any(call.parts > 1 for call in job))


def test_a_job_of_several_calls_is_never_cut(small_work):
    made = p.Sequential([p.Conv2d(3, 8, 3), p.MaxPool2d(2)], input_shape=(3, 16, 16))
    native = executable(made, lower(made), 1, 2)
    cut = next(call for call in calls(spread(native.plan, 2).phases) if call.parts > 1)
    assert len(list(native._schedule._parts((cut,)))) > 1
    assert list(native._schedule._parts((cut, cut))) == [{}]


def test_little_work_one_thread_and_training_are_not_spread():
    assert spread(planned(lower(p.models.lenet())), 2) is None
    assert spread(planned(lower(network())), 1) is None
    assert spread(planned(training_program(network(), p.SGD())), 2) is None


def test_an_image_is_cut_into_equal_strips():
    assert [equal_strips_of(pixels, 64) for pixels in (12544, 3136, 196, 49, 53)] == [16, 16, 1, 1, 1]
    assert (strips_of(49, 2048), equal_strips_of(49, 2048)) == (12, 7)
    assert equal_strips_of(1, 10**6) == 1
    assert (shares_of(10**5), shares_of(10**6), shares_of(10**12)) == (1, 3, 256)

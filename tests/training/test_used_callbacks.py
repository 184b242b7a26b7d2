"""A callback that has been used can be kept, copied, sent elsewhere and used again, without what it was used on."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import pellucid as p
from pellucid.training import Callback


class Mine(Callback):
    """Keeps the training that it has listened to."""

    def on_begin(self, training):
        self.training = training


def tensorboard(folder):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install '.[tensorboard]'")
    return p.TensorBoard(folder / "curves")


def mlflow(folder):
    pytest.importorskip("mlflow", reason="mlflow is not installed: pip install '.[mlflow]'")
    return p.MLflow(f"sqlite:///{folder / 'mlflow.db'}")


MADE = {
    "EarlyStopping": lambda folder: p.EarlyStopping("loss", 2),
    "KeepBest": lambda folder: p.KeepBest(folder / "best", monitor="loss"),
    "TensorBoard": tensorboard,
    "MLflow": mlflow,
    "Mine": lambda folder: Mine(),
}
FITTED = {"validation": 0.2, "epochs": 3, "batch_size": 8, "progress": True}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own


@pytest.fixture(params=MADE)
def callback(request, tmp_path):
    return MADE[request.param](tmp_path)


def copies(callback):
    return pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback)  # noqa: S301


def trained(callback, make, data):
    """Return a weak reference to the training that a callback was used for."""
    seen = []
    look = p.on_epoch(lambda training: seen.append(weakref.ref(training)), sees_weights=False)
    p.fit(make(), data, callbacks=[callback, look], **FITTED)
    gc.collect()
    return seen[-1]


def test_it_is_copied_without_data_and_engine(callback, make, data):
    training = trained(callback, make, data)
    assert (training() is not None) == isinstance(callback, Mine)
    size = len(pickle.dumps(callback))
    for found in copies(callback):
        if isinstance(callback, Mine):
            kept = found.training
            assert (kept.data, kept.engine, kept.run, kept.callbacks) == (None, None, None, ())
            assert (kept.epoch, kept.steps_per_epoch, kept.total_steps) == (3, 3, 9)
            assert len(kept.history.epochs) == 3
            assert np.array_equal(kept.network["linear1"].bias.data, callback.training.network["linear1"].bias.data)
        else:
            assert found == callback
            assert size < 2000, "neither weights nor data"


def test_it_listens_again(callback, make, data):
    trained(callback, make, data)
    for number, each in enumerate((*copies(callback), callback)):
        if isinstance(each, p.KeepBest):  # a folder is of one training
            each.folder += f"-{number}"
        p.fit(make(), data, callbacks=[each], **FITTED)


def test_it_is_copied_where_the_training_fails(callback, make, data):
    class Fail(Callback):
        def __init__(self, moment):
            setattr(self, moment, self._fail)

        def _fail(self, *_):
            raise ZeroDivisionError

    for moment in ("on_epoch", "on_begin"):
        if isinstance(callback, p.KeepBest):
            callback.folder += moment
        with pytest.raises(ZeroDivisionError):
            p.fit(make(), data, callbacks=[callback, Fail(moment)], **FITTED)
        copies(callback)


def test_a_copy_of_a_training_has_no_validation_data_and_no_weights_of_samples(make, data):
    mine = Mine()
    weight = np.ones(len(data))
    p.fit(make(), data, callbacks=[mine], **{**FITTED, "validation": data}, sample_weight=weight)
    settings = copies(mine)[0].training.settings
    assert (settings.validation, settings.sample_weight, settings.epochs) == (None, None, 3)
    assert mine.training.settings.validation is not None
    assert mine.training.data is not None

"""Callbacks that note what they hear of a training."""

import pellucid as p


class Heard(p.Callback):
    """Notes what it hears: in `said` each moment, and in `epochs` what `noted` says of each epoch."""

    def __init__(self, for_all=True):
        self.sees_weights, self.said, self.epochs = for_all, [], []

    def noted(self, training):
        return training.epoch

    def on_begin(self, training):
        self.epochs = []
        self.said.append("begin")

    def on_batch(self, training):
        self.said.append(training.step)

    def on_epoch(self, training):
        self.epochs.append(self.noted(training))

    def on_end(self, training, error):
        self.said.append("end")

    def on_finish(self, training):
        self.said.append("finish")


class Remembered(Heard):
    """Remembers of which epochs it has heard."""

    def state(self):
        return {"epochs": self.epochs}

    def restore(self, state):
        self.epochs = list(state["epochs"])

"""Batch inference with Ray Data: pictures anywhere that Ray reads from, classified by processes on a whole cluster.

    python examples/ray_prediction.py runs/small-digits photos classes

Ray reads files, schedules and writes; each of its actors loads the network once, decodes the pictures of one batch
after another and classifies them, as `pellucid predict` does. Needs Ray: ``pip install '.[ray]'`` in Pellucid's folder.
On one machine, and where a plain table with a row for each file is wanted that goes on after a kill,
`pellucid predict --input` does the same without Ray.
"""

from __future__ import annotations

import argparse
import tempfile
from typing import Any

import numpy as np
import ray

import pellucid as p
from pellucid.data import read_inputs
from pellucid.errors import PellucidError


class Classify:
    """Makes of each batch of files their likeliest classes, the probabilities, and what is wrong with those that are no
    pictures.

    Parameters
    ----------
    model : str
        The folder of a run, or a model file, on a disk that all machines see.
    threads : int
        As many as Ray gives each actor processors.
    """

    def __init__(self, model: str, threads: int):
        self.network, self.threads = p.load(model), threads

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        images, errors = zip(*map(self.read, batch["bytes"]), strict=True)
        found = np.array([image is not None for image in images])
        classes, shares = np.full(len(images), "", object), np.full(len(images), np.nan, np.float32)
        if found.any():
            pictures = np.stack([image for image in images if image is not None])
            probabilities = p.predict_proba(self.network, pictures, threads=self.threads)
            names = self.network.class_names or [str(number) for number in range(probabilities.shape[1])]
            classes[found] = np.array(names, object)[probabilities.argmax(axis=1)]
            shares[found] = probabilities.max(axis=1)
        return {"path": batch["path"], "class": classes, "probability": shares, "error": np.array(errors, object)}

    def read(self, content: bytes) -> tuple[np.ndarray | None, str]:
        """Return a picture as the network takes it, upright and of its size; or what is wrong with the file."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            try:
                return read_inputs(file.name, self.network.input_shape)[0], ""
            except PellucidError as error:
                return None, str(error).removeprefix(f"{file.name}: ")


def classified(model: str, files: str, actors: int = 1, threads: int = 1, batch_size: int = 256) -> ray.data.Dataset:
    """Return the pictures in a folder with their classes, as a data set of Ray's: it is computed when it is read.

    Pictures are stretched to the network's size. For one that is used to something else, as those of ImageNet are, give
    `read_inputs` its ``preparation``: ``pellucid.transfer.usual_preparation("resnet18")``.
    """
    shape = p.load(model).input_shape
    if shape is None or len(shape) != 3:
        raise SystemExit(f"{model} takes inputs of shape {shape}, not pictures")
    found = ray.data.read_binary_files(files, include_paths=True)
    return found.map_batches(
        Classify,
        fn_constructor_args=(model, threads),
        batch_size=batch_size,
        num_cpus=threads,
        compute=ray.data.ActorPoolStrategy(size=actors),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder of a run, or a model file")
    parser.add_argument("pictures", help="folder of pictures, or what else ray.data.read_binary_files takes")
    parser.add_argument("out", help="folder for the Parquet files that Ray writes")
    parser.add_argument(
        "--actors", type=int, default=1, help="processes that classify; leave some processors for reading"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each of them")
    parser.add_argument("--batch-size", type=int, default=256, help="images that one of them takes at a time")
    asked = parser.parse_args()
    found = classified(asked.model, asked.pictures, asked.actors, asked.threads, asked.batch_size)
    found.write_parquet(asked.out)

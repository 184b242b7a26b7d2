"""Batch inference with Ray Data: pictures anywhere that Ray reads from, classified by processes on a whole cluster.

    python examples/ray_prediction.py runs/small-digits photos classes

Each actor of Ray's loads the network once, and classifies one batch after another; Ray reads, decodes, schedules and
writes. Needs Ray: ``pip install '.[ray]'`` in Pellucid's folder. On one machine, and where a plain table with a row for
each file is wanted that goes on after a kill, `pellucid predict --input` does the same without Ray.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import ray

import pellucid as p


class Classify:
    """Adds to each batch of images the likeliest class and its probability.

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
        images = np.stack(batch.pop("image"))
        # (N, H, W, C) -> (N, C, H, W), and (N, H, W) -> (N, 1, H, W)
        images = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
        probabilities = p.predict_proba(self.network, images, threads=self.threads)
        best = probabilities.argmax(axis=1)
        names = np.array(self.network.class_names or [str(number) for number in range(probabilities.shape[1])])
        return {**batch, "class": names[best], "probability": probabilities[np.arange(len(best)), best]}


def classified(model: str, pictures: str, actors: int = 1, threads: int = 1, batch_size: int = 256) -> ray.data.Dataset:
    """Return the pictures in a folder with their classes, as a data set of Ray's: it is computed when it is read.

    Pictures are stretched to the network's size, with Ray's filter; the network's own preparation, which
    `pellucid predict` takes, may differ from that in the last bits of a pixel.
    """
    shape = p.load(model).input_shape
    if shape is None or len(shape) != 3:
        raise SystemExit(f"{model} takes inputs of shape {shape}, not pictures")
    channels, height, width = shape
    found = ray.data.read_images(
        pictures, size=(height, width), mode="L" if channels == 1 else "RGB", include_paths=True
    )
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
    parser.add_argument("pictures", help="folder of pictures, or what else ray.data.read_images takes")
    parser.add_argument("out", help="folder for the Parquet files that Ray writes")
    parser.add_argument(
        "--actors", type=int, default=1, help="processes that classify; leave some processors for reading"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each of them")
    parser.add_argument("--batch-size", type=int, default=256, help="images that one of them takes at a time")
    asked = parser.parse_args()
    found = classified(asked.model, asked.pictures, asked.actors, asked.threads, asked.batch_size)
    found.write_parquet(asked.out)

"""The network of the notebook that Pellucid grew from, trained both ways: as it was, and as it was meant.

In the notebook's training loop the convolution's gradient was computed and never applied, so its filters stayed as
they were drawn and only the linear layer learnt. Here the same network learns for one epoch with the convolution left
alone, and for one with both layers trained:

    python examples/notebook_network.py

The setting is the notebook's: weights from N(0, 0.01²), biases 0, batches of 128 in the data set's own order, one
epoch, a learning rate of 0.001 on gradients that are summed over the batch. Pellucid's losses are means, so the rate is
0.001 · 128 = 0.128. (The last batch holds 96 images; there the notebook's rate comes to 0.096.) Pixels are divided by
255.
"""

import argparse

import pellucid as p

BATCH_SIZE = 128
RATE_ON_SUMS = 0.001


def notebook_network(image_shape: tuple[int, int, int] = (1, 28, 28), seed: int = 0) -> p.Sequential:
    """Return the notebook's network, untrained: 8 filters of 3×3 pixels, ReLU, and a linear layer to 10 classes."""
    return p.models.notebook(10, image_shape, initializer=p.Normal(std=0.01), seed=seed)


def train_one_epoch(network: p.Sequential, train: p.Dataset, convolution_learns: bool = True) -> None:
    """Train in the notebook's way; without `convolution_learns` also with its mistake."""
    for parameter in network["conv1"].parameters().values():
        parameter.trainable = convolution_learns
    optimizer = p.SGD(RATE_ON_SUMS * BATCH_SIZE)
    p.fit(network, train, epochs=1, batch_size=BATCH_SIZE, optimizer=optimizer, shuffle=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the notebook's network on MNIST, both ways.")
    parser.add_argument("--data-dir", help="where MNIST's files are; otherwise found or downloaded as by `pellucid`")
    parser.add_argument("--limit", type=int, metavar="N", help="use only the first N images, to train and to test")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights (default: 0)")
    arguments = parser.parse_args()

    train, test = p.datasets.mnist(arguments.data_dir)
    if arguments.limit is not None:
        train, test = (data.subset(range(min(arguments.limit, len(data)))) for data in (train, test))
    print(f"{len(train):,} training images, one epoch; {len(test):,} test images", flush=True)
    for convolution_learns in (False, True):
        network = notebook_network(seed=arguments.seed)
        train_one_epoch(network, train, convolution_learns)
        what = "both layers learn:" if convolution_learns else "only the linear layer learns:"
        print(f"{what:30}test accuracy {p.evaluate(network, test)['accuracy']:.2%}", flush=True)


if __name__ == "__main__":
    main()

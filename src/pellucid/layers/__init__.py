"""Layers: each states its output shape, its forward and backward, and the steps it becomes in a program."""

from . import joins as joins
from .activation import LeakyReLU as LeakyReLU
from .activation import ReLU as ReLU
from .activation import ReLU6 as ReLU6
from .activation import Sigmoid as Sigmoid
from .activation import Softmax as Softmax
from .activation import Tanh as Tanh
from .base import Layer as Layer
from .conv import Conv2d as Conv2d
from .dropout import Dropout as Dropout
from .joins import Join as Join
from .linear import Flatten as Flatten
from .linear import Linear as Linear
from .merge import Concat as Concat
from .merge import Residual as Residual
from .norm import BatchNorm2d as BatchNorm2d
from .norm import LocalResponseNorm as LocalResponseNorm
from .padding import PadChannels as PadChannels
from .parameter import Parameter as Parameter
from .parameter import State as State
from .pool import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from .pool import AvgPool2d as AvgPool2d
from .pool import MaxPool2d as MaxPool2d

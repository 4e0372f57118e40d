"""Depth to space keeps maps apart, unlike TensorFlow's operation."""

import numpy as np

from keras_matting.layers.subpixels import DepthToSpace


def test_four_channels_in_turn_become_the_block_of_a_map():
    x = np.arange(2 * 3 * 8, dtype=np.float32).reshape(1, 2, 3, 8)
    found = DepthToSpace()(x).numpy()
    assert found.shape == (1, 4, 6, 2)
    for (row, column), pixel in np.ndenumerate(found[0, ..., 0]):
        offset = 2 * (row % 2) + column % 2
        assert pixel == x[0, row // 2, column // 2, offset]
        assert found[0, row, column, 1] == x[0, row // 2, column // 2, 4 + offset]

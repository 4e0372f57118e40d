"""Operations draw independently of each other and the same every time."""

import numpy as np
import tensorflow as tf

from keras_matting.data.augment import draws


def test_ops_draw_independently():
    sample = {"seed": tf.constant([3, 4])}
    first = draws.draw(sample, "random_color:foreground", 1000).numpy()
    second = draws.draw(sample, "random_color:background", 1000).numpy()
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    np.testing.assert_array_equal(first, draws.draw(sample, "random_color:foreground", 1000))

"""SAD, MSE and MAD as Keras metrics for `fit` and `evaluate`, averaged over images.

    model.compile(loss=..., metrics={"alpha": [SAD(), MSE(region="unknown", name="mse_unknown")]})

Scales match the functions of the same names in `keras_matting.metrics`. Grad and Conn need whole
8-bit images and connected components; compute them after training.
"""

import tensorflow as tf
from tensorflow import keras

REGIONS = ("whole", "unknown")


class _ImageMean(keras.metrics.Metric):
    """Average one number per image over images.

    Args:
        region: "whole" counts all pixels, "unknown" those where the trimap is 0.5.

    `y_true` is (B, H, W, C): channel 0 is alpha; channel 1, needed for "unknown", is the trimap as
    0/0.5/1; other channels are ignored. `y_pred` is (B, H, W, 1), `sample_weight` (B,) the weights
    of the images. Raises ValueError if the trimap is missing or `y_pred` has another shape.
    """

    def __init__(self, region="whole", name=None, dtype=None, **kwargs):
        super().__init__(name=name or type(self).__name__.lower(), dtype=dtype, **kwargs)
        if region not in REGIONS:
            raise ValueError(f"region is {region!r}; use one of {', '.join(REGIONS)}")
        self.region = region
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = tf.cast(y_true, tf.float32)
        y_pred = tf.cast(y_pred, tf.float32)
        if y_pred.shape.rank != 4 or y_pred.shape[-1] != 1:
            raise ValueError(f"{self.name} takes predictions (B, H, W, 1), not {y_pred.shape}")
        difference = y_pred[..., 0] - y_true[..., 0]
        value, counted = self._per_image(difference, self._mask(y_true))
        weight = counted if sample_weight is None else counted * tf.cast(sample_weight, tf.float32)
        self.total.assign_add(tf.cast(tf.reduce_sum(weight * value), self.total.dtype))
        self.count.assign_add(tf.cast(tf.reduce_sum(weight), self.count.dtype))

    def result(self):
        return tf.math.divide_no_nan(self.total, self.count)

    def get_config(self):
        return super().get_config() | {"region": self.region}

    def _mask(self, y_true):
        if self.region == "whole":
            return tf.ones_like(y_true[..., 0])
        if y_true.shape[-1] == 1:
            raise ValueError(
                f"{self.name} counts unknown pixels but y_true has no trimap; "
                'concatenate it to alpha as channel 1, or use region="whole"'
            )
        # A tolerance of half a step, so that 128/255 also counts as unknown.
        return tf.cast(tf.abs(y_true[..., 1] - 0.5) < 0.25, tf.float32)

    def _per_image(self, difference, mask):
        """Return values (B,) and whether each image counts (B,), from differences and a mask."""
        raise NotImplementedError


@keras.utils.register_keras_serializable("keras_matting")
class SAD(_ImageMean):
    """Average the images' sums of absolute differences / 1000."""

    def _per_image(self, difference, mask):
        value = tf.reduce_sum(mask * tf.abs(difference), (1, 2)) / 1000.0
        return value, tf.ones_like(value)


@keras.utils.register_keras_serializable("keras_matting")
class MSE(_ImageMean):
    """Average the images' mean squared differences, skipping images without counted pixels."""

    def _per_image(self, difference, mask):
        return _mean_where(mask, tf.square(difference))


@keras.utils.register_keras_serializable("keras_matting")
class MAD(_ImageMean):
    """Average the images' mean absolute differences, skipping images without counted pixels."""

    def _per_image(self, difference, mask):
        return _mean_where(mask, tf.abs(difference))


@keras.utils.register_keras_serializable("keras_matting")
class IoUError(keras.metrics.MeanIoU):
    """Compute 1 - mIoU of class logits (B, H, W, C) and class numbers, where 255 is ignored."""

    def __init__(self, num_classes, name="iou_error", dtype=None, **kwargs):
        kwargs |= {"sparse_y_pred": False, "ignore_class": 255}
        super().__init__(num_classes, name=name, dtype=dtype, **kwargs)

    def result(self):
        return 1.0 - super().result()


def _mean_where(mask, values):
    pixels = tf.reduce_sum(mask, (1, 2))
    value = tf.math.divide_no_nan(tf.reduce_sum(mask * values, (1, 2)), pixels)
    return value, tf.cast(pixels > 0.0, tf.float32)

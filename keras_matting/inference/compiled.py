"""Keras models as compiled functions for inference."""

import threading
import weakref

import numpy as np
import tensorflow as tf
from tensorflow import keras

# model: {output: its function, None after the first call}
_functions = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def predict(model, inputs, output="alpha"):
    """Return a model's output (1, H, W, C) for inputs {"image": (1, H, W, 3), ...}, float32.

    The first call runs the model eagerly, because tracing takes longer than one photograph. The
    second call traces it once for all sizes, so neither traces nor graphs accumulate. TensorFlow's
    oneDNN kernels, where enabled, cache data for every new size, though: with 68 different sizes, a
    process grew from 643 to 1,074 MB in 3,000 calls. Threads may share a model.
    """
    function = _function(model, output) if isinstance(model, keras.Model) else None
    if function is None:
        return np.asarray(model(inputs, training=False)[output])
    return function({name: tf.constant(x) for name, x in inputs.items()}).numpy()


def _function(model, output):
    """Return the compiled function of a model's output, or None on its first call."""
    with _lock:
        functions = _functions.setdefault(model, {})
        if output not in functions:
            functions[output] = None
        elif functions[output] is None:
            functions[output] = _trace(model, output)
        return functions[output]


def _trace(model, output):
    # a strong reference would keep the model in the dictionary forever
    reference = weakref.ref(model)
    specs = {
        name: tf.TensorSpec((1, *x.shape[1:]), tf.float32, name=name)
        for name, x in model.input.items()
    }

    @tf.function(autograph=False)
    def predicted(inputs):
        return reference()(inputs, training=False)[output]

    return predicted.get_concrete_function(specs)

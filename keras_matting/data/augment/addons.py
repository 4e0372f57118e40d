"""`tfa`: tensorflow-addons without its end-of-life notice.

Import it inside the factory that needs it, so that inference and export, which share this package
but make no such op, never load an unmaintained library. A tf.data service worker has to use it
once, because that registers the kernels.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow_addons as tfa

__all__ = ["tfa"]

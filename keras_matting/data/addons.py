"""`tfa`: tensorflow-addons without its end-of-life notice.

Import it inside the factory that needs it, so that inference and export, which share this package
but make no such op, never load an unmaintained library. A tf.data service worker has to import
this module once, because the kernels of tensorflow-addons are registered by loading it.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow_addons as tfa

__all__ = ["tfa"]

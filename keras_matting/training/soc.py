"""MODNet's self-supervised adaptation by sub-objectives consistency (SOC)."""

import tensorflow as tf
from tensorflow import keras

from keras_matting.losses import modnet as losses


class SelfSupervised(keras.Model):
    """Train a MODNet with training heads on unlabelled images, {"image"}: (B, H, W, 3) in [0, 1].

    The detail loss compares with a backup, a copy of the network from the start of the epoch
    (`RefreshBackup`). As released, norms use their running statistics, so that only convolutions
    and the scales and offsets of norms are trained. All batches have the same size. With
    `version` "paper", detail and matte are also compared with each other.
    """

    def __init__(self, network, backup, version="released", **kwargs):
        super().__init__(**kwargs)
        self.network, self.backup, self.version = network, backup, version
        backup.trainable = False
        names = ("loss", "soc_semantic_loss", "soc_detail_loss")
        self.means = {name: keras.metrics.Mean(name) for name in names}

    @property
    def metrics(self):
        return list(self.means.values())

    def call(self, inputs, training=None):
        return self.network(inputs, training=False)

    def train_step(self, data):
        image = {"image": data["image"]}
        backup = self.backup(image, training=False)
        with tf.GradientTape() as tape:
            ours = self.network(image, training=False)
            semantic = losses.soc_semantic_loss(ours["semantic"], ours["alpha"])
            boundary = losses.soc_boundary(ours["semantic"], ours["alpha"])
            detail = losses.soc_detail_loss(
                ours["detail"], ours["alpha"], backup["detail"], backup["alpha"], boundary
            )
            if self.version == "paper":
                detail += losses.soc_consistency_loss(ours["detail"], ours["alpha"], boundary)
            loss = tf.nn.compute_average_loss(semantic + detail)
        self.optimizer.minimize(loss, self.network.trainable_variables, tape=tape)
        values = {"soc_semantic_loss": semantic, "soc_detail_loss": detail}
        for name, value in (values | {"loss": semantic + detail}).items():
            self.means[name].update_state(value)
        return {name: mean.result() for name, mean in self.means.items()}


class RefreshBackup(keras.callbacks.Callback):
    """Copy the network into its backup before every epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.backup.set_weights(self.model.network.get_weights())

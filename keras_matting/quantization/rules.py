"""Rules by layer type for making a network int8; `quantizers` explains them."""

from tensorflow.keras import layers

try:
    from tf_keras.src.layers.core.tf_op_layer import TFOpLambda
except ImportError:  # TensorFlow 2.15
    from keras.src.layers.core.tf_op_layer import TFOpLambda

from keras_matting.layers.class_selection import FuseByClass, TrimapClasses
from keras_matting.layers.contextual_attention import GuidedContextualAttention
from keras_matting.layers.resize import NearestUpsampling
from keras_matting.layers.subpixels import DepthToSpace
from keras_matting.layers.unpooling import PoolWithPositions, Unpool

KERNELS = {layers.Conv2D: "kernel", layers.DepthwiseConv2D: "depthwise_kernel"}

# How a layer's output is quantised.
#   OBSERVED      with its own observed range
#   PRODUCT, SUM  likewise, in steps that suit those of the inputs
#   INPUT         with the range of its first input, whose values it has
#   MATTE         in [0, 1], with the scale that TFLite prescribes for a sigmoid
#   FLOAT         the layer computes in float between integers
OBSERVED, PRODUCT, SUM = "observed", "product", "sum"
INPUT, MATTE, FLOAT = "input", "matte", "float"
OUTPUTS = {
    layers.Conv2D: OBSERVED,
    layers.DepthwiseConv2D: OBSERVED,
    layers.ReLU: OBSERVED,
    layers.AveragePooling2D: OBSERVED,
    layers.GlobalAveragePooling2D: OBSERVED,
    layers.Multiply: PRODUCT,
    layers.Add: SUM,
    layers.Subtract: SUM,
    layers.Concatenate: INPUT,
    layers.UpSampling2D: INPUT,
    NearestUpsampling: INPUT,
    layers.MaxPooling2D: INPUT,
    layers.Dropout: INPUT,  # left out, but the tensors it connects have one range
    layers.Cropping2D: INPUT,
    layers.ZeroPadding2D: INPUT,
    TFOpLambda: INPUT,  # tf.split
    PoolWithPositions: INPUT,
    Unpool: INPUT,
    DepthToSpace: INPUT,
    layers.Activation: MATTE,  # sigmoid
    layers.Softmax: MATTE,
    FuseByClass: MATTE,
    TrimapClasses: MATTE,
    # its scores range from squares of features to a penalty of 1e4, too wide for eight bits
    GuidedContextualAttention: FLOAT,
}
# Layers that are copied and called unchanged.
PLAIN = (
    TFOpLambda,
    PoolWithPositions,
    Unpool,
    DepthToSpace,
    FuseByClass,
    TrimapClasses,
    GuidedContextualAttention,
)

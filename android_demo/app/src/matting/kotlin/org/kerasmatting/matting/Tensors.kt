package org.kerasmatting.matting

import java.nio.ByteBuffer
import java.nio.ByteOrder

enum class NumberType(val bytes: Int, val least: Int, val most: Int) {
    FLOAT32(4, 0, 0),
    INT8(1, -128, 127),
    UINT8(1, 0, 255),
    INT16(2, -32768, 32767),
}

/** Number format of a tensor: value = scale * (stored - zeroPoint). Float tensors have scale 0. */
class Encoding(val type: NumberType, val scale: Float = 0f, val zeroPoint: Int = 0) {
    init {
        require(type == NumberType.FLOAT32 || scale > 0f) { "An integer tensor needs a positive scale." }
    }
}

/**
 * An input tensor, height x width x channels, filled from the bytes of a bitmap.
 *
 * A lookup table converts each byte, without arithmetic per pixel. For this project's int8 files (scale 1/255,
 * zero point -128) it contains byte - 128.
 */
class InputTensor(encoding: Encoding, width: Int, height: Int, private val channels: Int) {
    private val size = width * height
    private val type = encoding.type
    private val floats = FloatArray(256) { it / 255f }
    private val integers = IntArray(256) { quantised(it, encoding) }

    private val asBytes = ByteArray(if (type.bytes == 1) size * channels else 0)
    private val asShorts = ShortArray(if (type.bytes == 2) size * channels else 0)
    private val asFloats = FloatArray(if (type.bytes == 4) size * channels else 0)

    val buffer: ByteBuffer =
        ByteBuffer.allocateDirect(size * channels * type.bytes).order(ByteOrder.nativeOrder())
    private val shortView = buffer.asShortBuffer()
    private val floatView = buffer.asFloatBuffer()

    /** Copies red, green and blue of ARGB [pixels]. A one-channel tensor gets green, the level of a grey pixel. */
    fun fill(pixels: IntArray) {
        when (type.bytes) {
            1 -> each(pixels) { at, value -> asBytes[at] = integers[value].toByte() }
            2 -> each(pixels) { at, value -> asShorts[at] = integers[value].toShort() }
            else -> each(pixels) { at, value -> asFloats[at] = floats[value] }
        }
        buffer.rewind()
        when (type.bytes) {
            1 -> buffer.put(asBytes)
            2 -> { shortView.rewind(); shortView.put(asShorts) }
            else -> { floatView.rewind(); floatView.put(asFloats) }
        }
        buffer.rewind()
    }

    private inline fun each(pixels: IntArray, set: (Int, Int) -> Unit) {
        if (channels == 1) {
            for (i in 0 until size) set(i, pixels[i] shr 8 and 255)
            return
        }
        for (i in 0 until size) {
            val pixel = pixels[i]
            set(3 * i, pixel shr 16 and 255)
            set(3 * i + 1, pixel shr 8 and 255)
            set(3 * i + 2, pixel and 255)
        }
    }
}

private fun quantised(value: Int, encoding: Encoding): Int {
    if (encoding.type == NumberType.FLOAT32) return 0
    val stored = Math.rint((value / 255f / encoding.scale).toDouble()).toInt() + encoding.zeroPoint
    return stored.coerceIn(encoding.type.least, encoding.type.most)
}

/**
 * The alpha tensor, read as floats.
 *
 * Integer alphas are stretched so that their largest value is 1; int8, with its scale of 1/256, would
 * otherwise end at 255/256.
 */
class AlphaTensor(private val encoding: Encoding, private val size: Int) {
    private val type = encoding.type
    private val bytes = ByteArray(if (type.bytes == 1) size else 0)
    private val shorts = ShortArray(if (type.bytes == 2) size else 0)
    private val span = (type.most - encoding.zeroPoint).toFloat()
    private val table = FloatArray(256) { (it + type.least - encoding.zeroPoint) / span }

    val buffer: ByteBuffer = ByteBuffer.allocateDirect(size * type.bytes).order(ByteOrder.nativeOrder())
    private val shortView = buffer.asShortBuffer()
    private val floatView = buffer.asFloatBuffer()

    /** Fills [alpha], [clipped] to 0..1 for display; comparisons need the values unclipped. */
    fun read(alpha: FloatArray, clipped: Boolean = true) {
        buffer.rewind()
        when (type) {
            NumberType.FLOAT32 -> { floatView.rewind(); floatView.get(alpha, 0, size) }
            NumberType.INT16 -> {
                shortView.rewind()
                shortView.get(shorts)
                for (i in 0 until size) alpha[i] = (shorts[i] - encoding.zeroPoint) / span
            }
            else -> {
                buffer.get(bytes)
                val flip = if (type == NumberType.INT8) 128 else 0
                for (i in 0 until size) alpha[i] = table[bytes[i] + flip and 255]
            }
        }
        if (clipped) for (i in 0 until size) alpha[i] = alpha[i].coerceIn(0f, 1f)
    }
}

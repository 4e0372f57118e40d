package org.kerasmatting.matting

import java.nio.ByteBuffer

/** One plane of a YUV_420_888 image, laid out as `Image.Plane` describes. */
class YuvPlane(val rowStride: Int, val pixelStride: Int, capacity: Int) {
    val bytes = ByteArray(capacity)

    fun read(buffer: ByteBuffer) {
        buffer.rewind()
        buffer.get(bytes, 0, minOf(bytes.size, buffer.remaining()))
    }
}

/**
 * Converts camera frames (width x height in the sensor's orientation) to upright ARGB pixels.
 *
 * [turn]: clockwise rotation in degrees that makes a frame upright. [mirrored]: flip left and right after the
 * rotation. Android's cameras use JFIF colours, that is BT.601 in the full range 0..255.
 */
class CameraFrame(
    val width: Int,
    val height: Int,
    val turn: Int,
    val mirrored: Boolean,
) {
    init {
        require(turn in listOf(0, 90, 180, 270)) { "A frame cannot be rotated by $turn degrees." }
    }

    val uprightWidth = if (turn % 180 == 0) width else height
    val uprightHeight = if (turn % 180 == 0) height else width

    /** Fills [target], uprightHeight x uprightWidth. */
    fun upright(luma: YuvPlane, u: YuvPlane, v: YuvPlane, target: IntArray) {
        // Target index of sensor pixel (0, 0), and the index steps for one pixel right and one down.
        val w = uprightWidth
        val last = uprightWidth * uprightHeight - 1
        var origin: Int
        var right: Int
        var down: Int
        when (turn) {
            0 -> { origin = 0; right = 1; down = w }
            90 -> { origin = w - 1; right = w; down = -1 }
            180 -> { origin = last; right = -1; down = -w }
            else -> { origin = last - (w - 1); right = -w; down = 1 }
        }
        if (mirrored) {
            origin = origin / w * w + (w - 1 - origin % w)
            if (turn % 180 == 0) right = -right else down = -down
        }
        for (y in 0 until height) {
            val lumaRow = y * luma.rowStride
            val uRow = y / 2 * u.rowStride
            val vRow = y / 2 * v.rowStride
            var at = origin + y * down
            for (x in 0 until width) {
                val level = luma.bytes[lumaRow + x * luma.pixelStride].toInt() and 255
                val blueness = (u.bytes[uRow + x / 2 * u.pixelStride].toInt() and 255) - 128
                val redness = (v.bytes[vRow + x / 2 * v.pixelStride].toInt() and 255) - 128
                // JFIF's factors, scaled by 2^16
                val red = level + (91881 * redness + 32768 shr 16)
                val green = level - (22554 * blueness + 46802 * redness + 32768 shr 16)
                val blue = level + (116130 * blueness + 32768 shr 16)
                target[at] = argb(red.coerceIn(0, 255), green.coerceIn(0, 255), blue.coerceIn(0, 255))
                at += right
            }
        }
    }
}

/**
 * Returns the clockwise rotation in degrees that makes a camera's frames upright on a display rotated by
 * [displayDegrees] (0, 90, 180, 270); see `CameraCharacteristics.SENSOR_ORIENTATION`.
 */
fun uprightTurn(sensorDegrees: Int, displayDegrees: Int, isFront: Boolean): Int =
    Math.floorMod(if (isFront) sensorDegrees + displayDegrees else sensorDegrees - displayDegrees, 360)

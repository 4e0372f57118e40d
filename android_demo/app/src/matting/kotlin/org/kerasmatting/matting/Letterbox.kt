package org.kerasmatting.matting

import kotlin.math.min

/**
 * Fits a picture into a model's fixed size without distortion: scaled to fit and padded by reflection on both
 * sides, as in `keras_matting.inference`.
 */
class Letterbox(pictureWidth: Int, pictureHeight: Int, val width: Int, val height: Int) {
    val innerWidth: Int
    val innerHeight: Int
    val left: Int
    val top: Int

    private val resize: Resize
    private val inner: IntArray
    private val columns: IntArray
    private val rows: IntArray

    init {
        val scale = min(height.toDouble() / pictureHeight, width.toDouble() / pictureWidth)
        innerWidth = Math.rint(pictureWidth * scale).toInt().coerceIn(1, width)
        innerHeight = Math.rint(pictureHeight * scale).toInt().coerceIn(1, height)
        left = (width - innerWidth) / 2
        top = (height - innerHeight) / 2
        resize = Resize(pictureWidth, pictureHeight, innerWidth, innerHeight)
        inner = IntArray(innerWidth * innerHeight)
        columns = IntArray(width) { mirrored(it - left, innerWidth) }
        rows = IntArray(height) { mirrored(it - top, innerHeight) }
    }

    /** Fills [boxed], height x width. Returns the scaled picture in it, which the next call overwrites. */
    fun fill(picture: IntArray, boxed: IntArray): IntArray {
        resize.colours(picture, inner)
        for (y in 0 until height) {
            val row = rows[y] * innerWidth
            for (x in 0 until width) boxed[y * width + x] = inner[row + columns[x]]
        }
        return inner
    }

    /** Crops an alpha of height x width to the scaled picture's area, innerHeight x innerWidth. */
    fun cut(alpha: FloatArray, target: FloatArray) {
        for (y in 0 until innerHeight) {
            val from = (top + y) * width + left
            alpha.copyInto(target, y * innerWidth, from, from + innerWidth)
        }
    }
}

/** Reflects a position at the centres of the outermost pixels, repeatedly if needed. */
private fun mirrored(position: Int, size: Int): Int {
    if (size == 1) return 0
    val period = 2 * (size - 1)
    val within = Math.floorMod(position, period)
    return if (within < size) within else period - within
}

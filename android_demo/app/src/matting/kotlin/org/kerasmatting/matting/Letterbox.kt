package org.kerasmatting.matting

import kotlin.math.min

/**
 * A picture, whole and undistorted, in a network's fixed size: scaled to fit, filled up on both sides
 * with its own mirror image. `keras_matting.inference` does the same.
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

    /** Picture -> [boxed] of height x width; returns the part inside, which the next call overwrites. */
    fun fill(picture: IntArray, boxed: IntArray): IntArray {
        resize.colours(picture, inner)
        for (y in 0 until height) {
            val row = rows[y] * innerWidth
            for (x in 0 until width) boxed[y * width + x] = inner[row + columns[x]]
        }
        return inner
    }

    /** An alpha of height x width -> that of the part inside, innerHeight x innerWidth. */
    fun cut(alpha: FloatArray, target: FloatArray) {
        for (y in 0 until innerHeight) {
            val from = (top + y) * width + left
            alpha.copyInto(target, y * innerWidth, from, from + innerWidth)
        }
    }
}

/** Reflected at the centres of the outermost pixels, as often as needed. */
private fun mirrored(position: Int, size: Int): Int {
    if (size == 1) return 0
    val period = 2 * (size - 1)
    val within = Math.floorMod(position, period)
    return if (within < size) within else period - within
}

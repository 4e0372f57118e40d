package org.kerasmatting.matting

import kotlin.math.abs

/**
 * Steadies the alphas of a video: what flickers a little is averaged over time, what moves is taken as
 * it is, so that nothing drags behind.
 *
 * alpha = before + share * (now - before), where the share rises from [still] for no change to 1 for a
 * change of [motion] or more.
 */
class Smoothing(size: Int, private val still: Float = 0.3f, private val motion: Float = 0.35f) {
    private val before = FloatArray(size)
    private var isFirst = true

    /** After a cut: another camera, another file. */
    fun reset() {
        isFirst = true
    }

    /** In place. */
    fun smooth(alpha: FloatArray) {
        if (!isFirst) {
            for (i in before.indices) {
                val change = alpha[i] - before[i]
                val share = minOf(1f, still + (1 - still) * abs(change) / motion)
                alpha[i] = before[i] + share * change
            }
        }
        alpha.copyInto(before, 0, 0, before.size)
        isFirst = false
    }
}

package org.kerasmatting.matting

import kotlin.math.abs

/**
 * Smooths alpha over the frames of a video: flicker is averaged over time, motion is left unchanged to avoid
 * ghosting.
 *
 * alpha = before + share * (now - before), where share rises from [still] for no change to 1 for a change of
 * [motion] or more.
 */
class Smoothing(size: Int, private val still: Float = 0.3f, private val motion: Float = 0.35f) {
    private val before = FloatArray(size)
    private var isFirst = true

    /** Forgets earlier frames; call it after a cut, such as a change of camera or model. */
    fun reset() {
        isFirst = true
    }

    /** Smooths [alpha] in place. */
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

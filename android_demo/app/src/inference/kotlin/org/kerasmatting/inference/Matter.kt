package org.kerasmatting.inference

import org.kerasmatting.matting.Letterbox
import org.kerasmatting.matting.Refinement
import org.kerasmatting.matting.Resize
import org.kerasmatting.matting.Smoothing
import org.kerasmatting.matting.toTrimap

/**
 * Pictures of one size through one model: letterbox, network, back to the picture's part, and from there
 * to any size. One per size and thread; allocates nothing per picture.
 */
class Matter(private val model: MattingModel, val width: Int, val height: Int) {
    private val letterbox = Letterbox(width, height, model.width, model.height)
    private val boxed = IntArray(model.width * model.height)
    private val boxedAlpha = FloatArray(model.width * model.height)
    private val smoothing = Smoothing(letterbox.innerWidth * letterbox.innerHeight)
    private val enlarge = Resize(letterbox.innerWidth, letterbox.innerHeight, width, height)
    private val enlarged: Refinement.Enlarged

    val smallWidth = letterbox.innerWidth
    val smallHeight = letterbox.innerHeight

    /** The picture at the size the network saw, and its alpha; the next picture overwrites them. */
    lateinit var small: IntArray
        private set
    val smallAlpha = FloatArray(smallWidth * smallHeight)

    /** Fitted to the last picture. */
    val refinement = Refinement(smallWidth, smallHeight)

    init {
        enlarged = refinement.Enlarged(width, height)
    }

    /**
     * ARGB [picture], and [trimap] and [background] of the same size where the model has such inputs.
     * [smooth]: steadied by the alphas of the pictures before. IllegalArgumentException: one is missing.
     */
    fun matte(picture: IntArray, trimap: IntArray? = null, background: IntArray? = null, smooth: Boolean = false) {
        model.inputs["trimap"]?.let {
            letterbox.fill(requireNotNull(trimap) { "${model.name} needs a trimap." }, boxed)
            toTrimap(boxed)
            it.fill(boxed)
        }
        model.inputs["background"]?.let {
            letterbox.fill(requireNotNull(background) { "${model.name} needs a picture of the background." }, boxed)
            it.fill(boxed)
        }
        small = letterbox.fill(picture, boxed)
        model.inputs.getValue("image").fill(boxed)
        model.run()
        model.alpha.read(boxedAlpha)
        letterbox.cut(boxedAlpha, smallAlpha)
        if (smooth) smoothing.smooth(smallAlpha) else smoothing.reset()
        refinement.fit(small, smallAlpha)
        enlarged.start()
    }

    /** The last picture's alpha at its own size, along its edges. */
    fun refined(picture: IntArray, alpha: FloatArray) = enlarged.rows(picture, 0, height, alpha)

    /** The same as `keras_matting.inference` enlarges it: bilinear. */
    fun plain(alpha: FloatArray) = enlarge.plane(smallAlpha, alpha)
}

package org.kerasmatting.inference

import org.kerasmatting.matting.Letterbox
import org.kerasmatting.matting.Problem
import org.kerasmatting.matting.Refinement
import org.kerasmatting.matting.Resize
import org.kerasmatting.matting.Smoothing
import org.kerasmatting.matting.UnusableFile
import org.kerasmatting.matting.toTrimap

/**
 * Mattes pictures of one size with one model: letterboxes the picture, runs the model, crops the alpha and
 * enlarges it to the picture's size. Create one per size and thread; nothing is allocated per picture.
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

    /** The picture at the size that the model saw; overwritten by the next picture, like [smallAlpha]. */
    lateinit var small: IntArray
        private set
    val smallAlpha = FloatArray(smallWidth * smallHeight)

    /** Fitted to the last picture. */
    val refinement = Refinement(smallWidth, smallHeight)

    init {
        enlarged = refinement.Enlarged(width, height)
    }

    /**
     * Mattes an ARGB [picture]. [trimap] and [background] have the same size and are required if the model has
     * such an input: UnusableFile if one is missing. [smooth] smooths alpha over successive pictures.
     */
    fun matte(picture: IntArray, trimap: IntArray? = null, background: IntArray? = null, smooth: Boolean = false) {
        model.inputs["trimap"]?.let {
            letterbox.fill(trimap ?: throw UnusableFile(Problem.NEEDS_TRIMAP, model.name), boxed)
            toTrimap(boxed)
            it.fill(boxed)
        }
        model.inputs["background"]?.let {
            letterbox.fill(background ?: throw UnusableFile(Problem.NEEDS_SCENE, model.name), boxed)
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

    /** Enlarges the last picture's alpha to its full size along its edges. */
    fun refined(picture: IntArray, alpha: FloatArray) = enlarged.rows(picture, 0, height, alpha)

    /** Enlarges it bilinearly, as `keras_matting.inference` does. */
    fun plain(alpha: FloatArray) = enlarge.plane(smallAlpha, alpha)
}

package org.kerasmatting.inference

import org.kerasmatting.matting.Background
import org.kerasmatting.matting.BlurredBackground
import org.kerasmatting.matting.CameraFrame
import org.kerasmatting.matting.Resize
import org.kerasmatting.matting.YuvPlane
import org.kerasmatting.matting.argb
import org.kerasmatting.matting.composeOver

/**
 * Replaces the background of camera frames: read a frame into [planes] (luma, u, v), call [matte], then show
 * [shown]. All buffers are allocated once, none per frame.
 */
class FrameMatter(model: MattingModel, val frame: CameraFrame, val planes: List<YuvPlane>) {
    val width = frame.uprightWidth
    val height = frame.uprightHeight

    /** ARGB, height x width; overwritten by the next frame. */
    val shown = IntArray(width * height)

    private val needsScene = "background" in model.inputs
    private val matter = Matter(model, width, height)
    private val pixels = IntArray(width * height)
    private val alpha = FloatArray(width * height)
    private val blurred = BlurredBackground(matter.smallWidth, matter.smallHeight, maxOf(1, matter.smallWidth / 32))
    private val smallBlurred = IntArray(matter.smallWidth * matter.smallHeight)
    private val enlarge = Resize(matter.smallWidth, matter.smallHeight, width, height)

    /** The empty scene, upright, if it was captured. */
    var scene: IntArray? = null

    /**
     * Mattes the current frame into [shown]. [picture] has the size of [shown]; if it is null,
     * [Background.PICTURE] is white. Returns false, and shows the frame unchanged, as long as the model lacks
     * the picture of the empty scene that it needs.
     */
    fun matte(background: Background, picture: IntArray?, smooths: Boolean, takesScene: Boolean): Boolean {
        frame.upright(planes[0], planes[1], planes[2], pixels)
        if (takesScene) scene = pixels.copyOf()
        if (needsScene && scene == null) {
            pixels.copyInto(shown)
            return false
        }
        matter.matte(pixels, background = scene, smooth = smooths)
        matter.refined(pixels, alpha)
        compose(background, picture)
        return true
    }

    private fun compose(background: Background, picture: IntArray?) {
        val colour = background.colour
        if (colour != null) {
            composeOver(pixels, alpha, colour, shown)
        } else if (background == Background.BLURRED) {
            blurred.blur(matter.small, matter.smallAlpha, smallBlurred)
            enlarge.colours(smallBlurred, shown)
            composeOver(pixels, alpha, shown, shown)
        } else if (picture != null) {
            composeOver(pixels, alpha, picture, shown)
        } else {
            composeOver(pixels, alpha, WHITE, shown)
        }
    }

    private companion object {
        val WHITE = argb(255, 255, 255)
    }
}

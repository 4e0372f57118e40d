package org.kerasmatting.demo

import android.graphics.Bitmap
import android.graphics.Color
import android.media.Image
import org.kerasmatting.inference.Matter
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.matting.BlurredBackground
import org.kerasmatting.matting.CameraFrame
import org.kerasmatting.matting.Resize
import org.kerasmatting.matting.YuvPlane
import org.kerasmatting.matting.composeOver

/** Camera frames of one size and turn -> pictures with another background, in buffers made once. */
class FrameMatter(model: MattingModel, first: Image, val turn: Int, val mirrored: Boolean) {
    private val frame = CameraFrame(first.width, first.height, turn, mirrored)
    private val planes = first.planes.map { YuvPlane(it.rowStride, it.pixelStride, it.buffer.capacity()) }
    private val matter = Matter(model, frame.uprightWidth, frame.uprightHeight)
    private val pixels = IntArray(width * height)
    private val alpha = FloatArray(width * height)
    private val composed = IntArray(width * height)
    private val blurred = BlurredBackground(matter.smallWidth, matter.smallHeight, maxOf(1, matter.smallWidth / 32))
    private val smallBlurred = IntArray(matter.smallWidth * matter.smallHeight)
    private val enlarge = Resize(matter.smallWidth, matter.smallHeight, width, height)
    private var scene: IntArray? = null
    private val needsScene = "background" in model.inputs

    /** What [matte] leaves; drawn before the next frame. */
    val bitmap: Bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)

    val width get() = frame.uprightWidth
    val height get() = frame.uprightHeight

    fun fits(image: Image, turn: Int, mirrored: Boolean): Boolean {
        val source = if (turn % 180 == 0) width to height else height to width
        return turn == this.turn && mirrored == this.mirrored && source == (image.width to image.height) &&
            planes.indices.all { planes[it].rowStride == image.planes[it].rowStride }
    }

    /** False while the empty scene that the network needs has not been taken; then the frame is shown as it is. */
    fun matte(image: Image, background: Background, picture: IntArray?, smooths: Boolean, takesScene: Boolean): Boolean {
        val sources = image.planes
        for (i in 0 until 3) planes[i].read(sources[i].buffer)
        frame.upright(planes[0], planes[1], planes[2], pixels)
        if (takesScene) scene = pixels.copyOf()
        val ready = !needsScene || scene != null
        if (ready) compose(background, picture, smooths)
        bitmap.setPixels(if (ready) composed else pixels, 0, width, 0, 0, width, height)
        return ready
    }

    private fun compose(background: Background, picture: IntArray?, smooths: Boolean) {
        matter.matte(pixels, background = scene, smooth = smooths)
        matter.refined(pixels, alpha)
        val colour = background.colour
        if (colour != null) {
            composeOver(pixels, alpha, colour, composed)
        } else if (background == Background.BLURRED) {
            blurred.blur(matter.small, matter.smallAlpha, smallBlurred)
            enlarge.colours(smallBlurred, composed)
            composeOver(pixels, alpha, composed, composed)
        } else if (picture != null) {
            composeOver(pixels, alpha, picture, composed)
        } else {
            composeOver(pixels, alpha, Color.WHITE, composed)
        }
    }
}

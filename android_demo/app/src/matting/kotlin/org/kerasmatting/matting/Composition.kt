package org.kerasmatting.matting

/** The new background behind the subject. */
enum class Background(val colour: Int?) {
    WHITE(argb(255, 255, 255)),
    GREEN(argb(0, 177, 64)),
    BLACK(argb(0, 0, 0)),
    BLURRED(null),
    PICTURE(null),
}

/** Composes an ARGB [picture] with its [alpha] over a [background] of the same size into opaque [target]. */
fun composeOver(picture: IntArray, alpha: FloatArray, background: IntArray, target: IntArray, size: Int = picture.size) {
    for (i in 0 until size) target[i] = mixed(picture[i], background[i], alpha[i])
}

/** Composes an ARGB [picture] with its [alpha] over a single colour into opaque [target]. */
fun composeOver(picture: IntArray, alpha: FloatArray, colour: Int, target: IntArray, size: Int = picture.size) {
    for (i in 0 until size) target[i] = mixed(picture[i], colour, alpha[i])
}

/** Combines the picture's own colours with alpha as opacity (not premultiplied). */
fun cutOut(picture: IntArray, alpha: FloatArray, target: IntArray, size: Int = picture.size) {
    for (i in 0 until size) target[i] = (255 * alpha[i] + 0.5f).toInt() shl 24 or (picture[i] and 0xFFFFFF)
}

/** Renders alpha as a grey picture. */
fun greyOf(alpha: FloatArray, target: IntArray, size: Int = alpha.size) {
    for (i in 0 until size) {
        val value = (255 * alpha[i] + 0.5f).toInt()
        target[i] = argb(value, value, value)
    }
}

private fun mixed(foreground: Int, background: Int, alpha: Float): Int = argb(
    channel(foreground shr 16 and 255, background shr 16 and 255, alpha),
    channel(foreground shr 8 and 255, background shr 8 and 255, alpha),
    channel(foreground and 255, background and 255, alpha),
)

private fun channel(foreground: Int, background: Int, alpha: Float): Int =
    (background + alpha * (foreground - background) + 0.5f).toInt()

/** Crops the centre of a picture to the aspect ratio of width x height and resizes it to that size. */
fun cover(picture: IntArray, pictureWidth: Int, pictureHeight: Int, width: Int, height: Int): IntArray {
    val scale = maxOf(width.toDouble() / pictureWidth, height.toDouble() / pictureHeight)
    val innerWidth = Math.rint(width / scale).toInt().coerceIn(1, pictureWidth)
    val innerHeight = Math.rint(height / scale).toInt().coerceIn(1, pictureHeight)
    val left = (pictureWidth - innerWidth) / 2
    val top = (pictureHeight - innerHeight) / 2
    val inner = IntArray(innerWidth * innerHeight)
    for (y in 0 until innerHeight) {
        val from = (top + y) * pictureWidth + left
        picture.copyInto(inner, y * innerWidth, from, from + innerWidth)
    }
    val target = IntArray(width * height)
    Resize(innerWidth, innerHeight, width, height).colours(inner, target)
    return target
}

/**
 * Quantises the greys of a resized trimap in place: 0 for background, 255 for foreground, 128 for unknown,
 * which includes mixtures of the levels.
 */
fun toTrimap(pixels: IntArray) {
    for (i in pixels.indices) {
        val grey = pixels[i] shr 8 and 255
        val level = if (grey < 64) 0 else if (grey > 191) 255 else 128
        pixels[i] = argb(level, level, level)
    }
}

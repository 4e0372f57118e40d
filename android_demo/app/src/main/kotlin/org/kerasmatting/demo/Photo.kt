package org.kerasmatting.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.BitmapRegionDecoder
import android.graphics.Matrix
import android.graphics.Rect
import android.graphics.RectF
import android.media.ExifInterface
import android.net.Uri
import java.io.FileNotFoundException
import java.io.IOException
import kotlin.math.sqrt

/**
 * A picture of any size on the phone, rotated by its EXIF orientation. It is read downsampled or strip by strip,
 * so that 100 megapixels (400 MB) are never in memory at once. Throws IOException if it cannot be read.
 */
class Photo(private val context: Context, private val uri: Uri) {
    private val rawWidth: Int
    private val rawHeight: Int
    private val turn: Matrix // rotates and flips the raw picture upright
    private val placed: Matrix // the same, with the upright picture's corner at the origin

    val width: Int
    val height: Int

    init {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        input { BitmapFactory.decodeStream(it, null, bounds) }
        if (bounds.outWidth <= 0 || bounds.outHeight <= 0) throw IOException(context.getString(R.string.not_a_picture))
        rawWidth = bounds.outWidth
        rawHeight = bounds.outHeight
        turn = orientation()
        val upright = RectF(0f, 0f, rawWidth.toFloat(), rawHeight.toFloat())
        turn.mapRect(upright)
        placed = Matrix(turn).apply { postTranslate(-upright.left, -upright.top) }
        width = Math.round(upright.width())
        height = Math.round(upright.height())
    }

    /** Reads the whole picture, downsampled to at most [most] pixels. */
    fun small(most: Int): Bitmap {
        var sample = 1
        while (rawWidth.toLong() / (2 * sample) * (rawHeight / (2 * sample)) >= most) sample *= 2
        val options = BitmapFactory.Options().apply { inSampleSize = sample }
        val sampled = input { BitmapFactory.decodeStream(it, null, options) } ?: throw IOException(context.getString(R.string.damaged))
        return upright(scaled(sampled, most))
    }

    /** Scales down what sampling by a power of two left too large. */
    private fun scaled(bitmap: Bitmap, most: Int): Bitmap {
        val scale = sqrt(most.toDouble() / (bitmap.width.toDouble() * bitmap.height))
        if (scale >= 1) return bitmap
        val (width, height) = maxOf(1, (bitmap.width * scale).toInt()) to maxOf(1, (bitmap.height * scale).toInt())
        return Bitmap.createScaledBitmap(bitmap, width, height, true).also { bitmap.recycle() }
    }

    /**
     * Reads the picture from top to bottom in strips of at most [most] pixels and passes each to [use] as (ARGB
     * pixels, first row, number of rows). Throws UnsupportedOperationException if this file type cannot be read
     * in parts.
     */
    fun strips(most: Int, use: (IntArray, Int, Int) -> Unit) {
        val decoder = regionDecoder()
        try {
            val rows = (most / width).coerceIn(1, height)
            val pixels = IntArray(width * rows)
            val options = BitmapFactory.Options()
            val back = Matrix().also { placed.invert(it) }
            for (top in 0 until height step rows) {
                val count = minOf(rows, height - top)
                val part = RectF(0f, top.toFloat(), width.toFloat(), (top + count).toFloat())
                back.mapRect(part)
                val rawPart = Rect().also { part.round(it) }
                val raw = decoder.decodeRegion(rawPart, options) ?: throw IOException(context.getString(R.string.damaged))
                val strip = upright(raw)
                strip.getPixels(pixels, 0, width, 0, 0, width, count)
                strip.recycle()
                use(pixels, top, count)
            }
        } finally {
            decoder.recycle()
        }
    }

    @Suppress("DEPRECATION") // the replacement needs Android 12
    private fun regionDecoder() = try {
        input { BitmapRegionDecoder.newInstance(it, false) }
    } catch (error: IOException) {
        throw UnsupportedOperationException(error)
    } ?: throw UnsupportedOperationException()

    private fun upright(raw: Bitmap): Bitmap {
        if (turn.isIdentity) return raw
        val turned = Bitmap.createBitmap(raw, 0, 0, raw.width, raw.height, turn, false)
        if (turned !== raw) raw.recycle()
        return turned
    }

    private fun orientation(): Matrix {
        val tag = try {
            input { ExifInterface(it).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL) }
        } catch (_: IOException) {
            ExifInterface.ORIENTATION_NORMAL // no EXIF data
        }
        return Matrix().apply {
            when (tag) {
                ExifInterface.ORIENTATION_FLIP_HORIZONTAL -> postScale(-1f, 1f)
                ExifInterface.ORIENTATION_ROTATE_180 -> postRotate(180f)
                ExifInterface.ORIENTATION_FLIP_VERTICAL -> postScale(1f, -1f)
                ExifInterface.ORIENTATION_TRANSPOSE -> { postRotate(90f); postScale(-1f, 1f) }
                ExifInterface.ORIENTATION_ROTATE_90 -> postRotate(90f)
                ExifInterface.ORIENTATION_TRANSVERSE -> { postRotate(270f); postScale(-1f, 1f) }
                ExifInterface.ORIENTATION_ROTATE_270 -> postRotate(270f)
            }
        }
    }

    private fun <T> input(read: (java.io.InputStream) -> T): T = try {
        (context.contentResolver.openInputStream(uri) ?: throw IOException(context.getString(R.string.gone))).use(read)
    } catch (error: FileNotFoundException) {
        throw IOException(context.getString(R.string.gone), error)
    } catch (error: SecurityException) {
        throw IOException(context.getString(R.string.expired), error)
    } catch (error: IllegalStateException) {
        throw IOException(context.getString(R.string.not_provided), error)
    }
}

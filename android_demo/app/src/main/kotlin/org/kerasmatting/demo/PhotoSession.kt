package org.kerasmatting.demo

import android.content.ContentValues
import android.content.Context
import android.graphics.Bitmap
import android.graphics.Color
import android.net.Uri
import android.os.Build
import android.os.Environment
import android.os.Handler
import android.os.Looper
import android.provider.MediaStore
import java.io.IOException
import java.io.OutputStream
import java.util.concurrent.Executors
import org.kerasmatting.inference.Matter
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.matting.Background
import org.kerasmatting.matting.BlurredBackground
import org.kerasmatting.matting.PngWriter
import org.kerasmatting.matting.Resize
import org.kerasmatting.matting.UnusableFile
import org.kerasmatting.matting.composeOver
import org.kerasmatting.matting.cover
import org.kerasmatting.matting.cutOut
import org.kerasmatting.matting.greyOf

/**
 * One photo and its matte; survives screen rotation. All work runs on a thread of its own; results are passed to
 * [onChange] on the main thread.
 */
class PhotoSession(context: Context) {
    class State(
        val isBusy: Boolean = false,
        /** What happened last, and what the network ran on. */
        val message: String? = null,
        /** Why the network does not run as the user wants, as long as that is so. */
        val warning: String? = null,
        val photo: Bitmap? = null,
        val result: Bitmap? = null,
        /** "trimap" or "background" if the model needs it besides the image. */
        val extra: String? = null,
        /** Where the result in view was saved. */
        val saved: Uri? = null,
    )

    private val context = context.applicationContext
    private val models = Models(this.context)
    private val settings = Settings(this.context)
    private val worker = Executors.newSingleThreadExecutor()
    private val main = Handler(Looper.getMainLooper())

    // Used on the main thread only.
    var state = State()
        private set
    var onChange: (State) -> Unit = {}
    var look = Look.CUT_OUT
        private set
    var uri: Uri? = null
        private set
    private var isClosed = false

    // Set on the worker thread.
    @Volatile var extraUri: Uri? = null
        private set
    @Volatile var backgroundUri: Uri? = null
        private set

    // Used on the worker thread only.
    private var model: MattingModel? = null
    private var message: String? = null
    private var matted: String? = null
    private var warning: String? = null
    private var photo: Photo? = null
    private var bitmap: Bitmap? = null
    private var pixels = IntArray(0)
    private var alpha = FloatArray(0)
    private var matter: Matter? = null
    private var saved: Uri? = null

    init {
        work { open() } // tells the screen which inputs the model has
    }

    fun choose(chosen: Uri) {
        uri = chosen
        work {
            extraUri = null
            read(chosen)
        }
    }

    fun chooseExtra(chosen: Uri) = work {
        extraUri = chosen
        matte()
    }

    fun chooseBackground(chosen: Uri) {
        look = Look.PICTURE
        work {
            backgroundUri = chosen
            saved = null
        }
    }

    fun show(look: Look) {
        this.look = look
        if (uri == null) return
        work {
            saved = null
            if (matter != null) message = matted
        }
    }

    fun close() {
        isClosed = true
        onChange = {}
        worker.execute { model?.close() }
        worker.shutdown()
    }

    /** The name under which the result in view is saved. */
    fun name() = resultName(uri?.takeIf { it != SAMPLE }?.let { displayName(context.contentResolver, it) }, look)

    /**
     * Saves the result in view at the photo's size: to [target] on Android 8 and 9, to the gallery on later versions.
     * [done] gets its address on the main thread.
     */
    fun save(target: Uri? = null, done: (Uri) -> Unit = {}) {
        val look = look
        work {
            try {
                photo?.takeIf { matter != null }?.let { photo ->
                    val uri = write(photo, look, target)
                    saved = uri
                    main.post { if (!isClosed) done(uri) }
                }
            } catch (error: IOException) {
                message = context.getString(R.string.not_saved, error.message)
            } catch (error: SecurityException) {
                message = context.getString(R.string.not_saved, error.message)
            } catch (error: IllegalStateException) { // from MediaStore if the storage is full
                message = context.getString(R.string.not_saved, error.message)
            }
        }
    }

    private fun write(photo: Photo, look: Look, target: Uri?): Uri {
        val resolver = context.contentResolver
        val uri = target ?: newPicture() ?: throw IOException(context.getString(R.string.gallery_refuses))
        try {
            val out = resolver.openOutputStream(uri) ?: throw IOException(context.getString(R.string.not_writable))
            write(photo, look, out)
            if (target == null) {
                resolver.update(uri, ContentValues().apply { put(MediaStore.MediaColumns.IS_PENDING, 0) }, null, null)
            }
            val name = displayName(resolver, uri) ?: name()
            message = context.getString(R.string.saved, photo.width, photo.height, name)
            return uri
        } catch (error: Throwable) {
            if (target == null) resolver.delete(uri, null, null)
            throw error
        }
    }

    private fun newPicture(): Uri? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) return null
        val values = ContentValues().apply {
            put(MediaStore.MediaColumns.DISPLAY_NAME, name())
            put(MediaStore.MediaColumns.MIME_TYPE, "image/png")
            put(MediaStore.MediaColumns.RELATIVE_PATH, "${Environment.DIRECTORY_PICTURES}/Matting")
            put(MediaStore.MediaColumns.IS_PENDING, 1)
        }
        return context.contentResolver.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, values)
    }

    /** Closes [out] in any case. */
    private fun write(photo: Photo, look: Look, out: OutputStream) =
        PngWriter(out.buffered(1 shl 16), photo.width, photo.height).use { png ->
            val enlarged = checkNotNull(matter).refinement.Enlarged(photo.width, photo.height)
            val rendering = Rendering(look, photo.width, photo.height)
            var part = FloatArray(0)
            fun strip(pixels: IntArray, top: Int, rows: Int) {
                if (part.size < pixels.size) part = FloatArray(pixels.size)
                enlarged.rows(pixels, top, rows, part)
                rendering.rows(pixels, part, top, rows, pixels)
                png.rows(pixels, rows)
                report(context.getString(R.string.saving, 100 * (top + rows) / photo.height))
            }
            try {
                photo.strips(STRIP, ::strip)
            } catch (error: UnsupportedOperationException) {
                if (photo.width.toLong() * photo.height > WHOLE) throw IOException(context.getString(R.string.too_large), error)
                strip(pixelsOf(photo.small(WHOLE)), 0, photo.height)
            }
            png.finish()
        }

    private fun open(): MattingModel? {
        model?.let { return it }
        val name = models.current(settings) ?: throw IOException(context.getString(R.string.no_models))
        val (opened, problem) = models.open(name, settings)
        model = opened
        warning = problem
        return opened
    }

    private fun read(chosen: Uri) {
        photo = null
        bitmap = null
        matter = null
        saved = null
        message = null
        val read = Photo(context, chosen)
        val small = read.small(PREVIEW)
        photo = read
        bitmap = small
        pixels = pixelsOf(small)
        alpha = FloatArray(pixels.size)
        matte()
    }

    private fun matte() {
        val bitmap = bitmap ?: return
        val model = open() ?: return
        matter = null
        saved = null
        val extra = extraOf(model)
        if (extra != null && extraUri == null) {
            message = context.getString(if (extra == "trimap") R.string.needs_trimap else R.string.needs_scene, model.name)
            return
        }
        val extraPixels = extraUri?.let { covering(it, bitmap.width, bitmap.height) }
        val new = Matter(model, bitmap.width, bitmap.height)
        val start = System.nanoTime()
        new.matte(pixels, trimap = extraPixels, background = extraPixels)
        val milliseconds = (System.nanoTime() - start) / 1e6
        new.refined(pixels, alpha)
        matter = new
        matted = context.getString(R.string.matted, model.processor.name, milliseconds)
        message = matted
    }

    private fun render(look: Look): Bitmap? {
        val source = bitmap ?: return null
        if (matter == null) return null
        val result = IntArray(pixels.size)
        Rendering(look, source.width, source.height).rows(pixels, alpha, 0, source.height, result)
        return Bitmap.createBitmap(result, source.width, source.height, Bitmap.Config.ARGB_8888).apply { setHasAlpha(look == Look.CUT_OUT) }
    }

    /** Renders strips of a [look] at any size; the background is enlarged from that of the preview. */
    private inner class Rendering(private val look: Look, private val width: Int, height: Int) {
        private val colour = look.background?.colour ?: Color.WHITE.takeIf { look == Look.PICTURE && backgroundUri == null }
        private val background: IntArray?
        private val resize: Resize?
        private var behind = IntArray(0)

        init {
            val matter = checkNotNull(matter)
            if (look.background == null || colour != null) {
                background = null
                resize = null
            } else if (look == Look.BLURRED) {
                val radius = maxOf(1, maxOf(matter.smallWidth, matter.smallHeight) / 40)
                background = IntArray(matter.smallWidth * matter.smallHeight)
                BlurredBackground(matter.smallWidth, matter.smallHeight, radius).blur(matter.small, matter.smallAlpha, background)
                resize = Resize(matter.smallWidth, matter.smallHeight, width, height)
            } else {
                background = covering(checkNotNull(backgroundUri), matter.width, matter.height)
                resize = Resize(matter.width, matter.height, width, height)
            }
        }

        /** [target] may be [pixels]. */
        fun rows(pixels: IntArray, alpha: FloatArray, top: Int, rows: Int, target: IntArray) {
            val size = rows * width
            when {
                look == Look.CUT_OUT -> cutOut(pixels, alpha, target, size)
                look == Look.ALPHA -> greyOf(alpha, target, size)
                colour != null -> composeOver(pixels, alpha, colour, target, size)
                else -> {
                    if (behind.size < size) behind = IntArray(size)
                    checkNotNull(resize).colours(checkNotNull(background), behind, top, rows)
                    composeOver(pixels, alpha, behind, target, size)
                }
            }
        }
    }

    private fun covering(uri: Uri, width: Int, height: Int): IntArray {
        val small = Photo(context, uri).small(PREVIEW)
        return cover(pixelsOf(small), small.width, small.height, width, height)
    }

    private fun extraOf(model: MattingModel) = model.inputs.keys.find { it != "image" }

    /** Runs [task] on the worker thread, then renders the result; errors become a message. */
    private fun work(task: () -> Unit) {
        if (isClosed) return
        val look = look
        change(State(true, context.getString(R.string.working), state.warning, state.photo, state.result, state.extra))
        worker.execute {
            var result: Bitmap? = null
            try {
                task()
                result = render(look)
            } catch (error: UnusableFile) {
                message = context.sentence(error.reason)
            } catch (error: IOException) {
                message = error.message
            } catch (error: IllegalArgumentException) { // from a broken provider
                message = error.message
            } catch (_: OutOfMemoryError) {
                matter = null
                message = context.getString(R.string.no_memory)
            }
            val new = State(false, message, warning, bitmap, result, model?.let { extraOf(it) }, saved)
            main.post { if (!isClosed) change(new) }
        }
    }

    private fun report(message: String) = main.post {
        if (!isClosed) change(State(true, message, state.warning, state.photo, state.result, state.extra))
    }

    private fun change(new: State) {
        state = new
        onChange(new)
    }

    private companion object {
        const val PREVIEW = 2_000_000
        const val STRIP = 4_000_000
        const val WHOLE = 16_000_000
    }
}

fun pixelsOf(bitmap: Bitmap) = IntArray(bitmap.width * bitmap.height).also {
    bitmap.getPixels(it, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
}

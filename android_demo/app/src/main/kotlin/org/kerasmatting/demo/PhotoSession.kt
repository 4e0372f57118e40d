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

enum class PhotoView { IMAGE, ALPHA, CUT_OUT, COMPOSED }

/**
 * One photo and its matte; survives screen rotation. All work runs on a thread of its own; results are passed to
 * [onChange] on the main thread.
 */
class PhotoSession(context: Context) {
    class State(
        val isBusy: Boolean = false,
        val message: String? = null,
        val shown: Bitmap? = null,
        val canSave: Boolean = false,
        /** "trimap" or "background" if the model needs it besides the image. */
        val extra: String? = null,
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
    var view = PhotoView.COMPOSED
        private set
    var background = Background.WHITE
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
    private var notice: String? = null
    private var photo: Photo? = null
    private var bitmap: Bitmap? = null
    private var pixels = IntArray(0)
    private var alpha = FloatArray(0)
    private var matter: Matter? = null

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
        background = Background.PICTURE
        work { backgroundUri = chosen }
    }

    fun show(view: PhotoView, background: Background) {
        this.view = view
        this.background = background
        if (uri != null) work {}
    }

    fun close() {
        isClosed = true
        onChange = {}
        worker.execute { model?.close() }
        worker.shutdown()
    }

    /** Saves the cut-out at full resolution: to [target] on Android 8 and 9, to the gallery on later versions. */
    fun save(target: Uri? = null) = work {
        try {
            photo?.let { write(it, target) }
        } catch (error: IOException) {
            throw UnusableFile(context.getString(R.string.not_saved, error.message), error)
        } catch (error: SecurityException) {
            throw UnusableFile(context.getString(R.string.not_saved, error.message), error)
        } catch (error: IllegalStateException) { // from MediaStore if the storage is full
            throw UnusableFile(context.getString(R.string.not_saved, error.message), error)
        }
    }

    private fun write(photo: Photo, target: Uri?) {
        val resolver = context.contentResolver
        val uri = target ?: newPicture() ?: throw IOException("the gallery does not accept it")
        try {
            val out = resolver.openOutputStream(uri) ?: throw IOException("the file cannot be written")
            write(photo, out.buffered(1 shl 16))
            if (target == null) {
                resolver.update(uri, ContentValues().apply { put(MediaStore.MediaColumns.IS_PENDING, 0) }, null, null)
            }
            val name = displayName(resolver, uri) ?: "matting.png"
            notice = context.getString(R.string.saved, photo.width, photo.height, name)
        } catch (error: Throwable) {
            if (target == null) resolver.delete(uri, null, null)
            throw error
        }
    }

    private fun newPicture(): Uri? {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) return null
        val values = ContentValues().apply {
            put(MediaStore.MediaColumns.DISPLAY_NAME, "matting.png") // MediaStore numbers duplicates
            put(MediaStore.MediaColumns.MIME_TYPE, "image/png")
            put(MediaStore.MediaColumns.RELATIVE_PATH, "${Environment.DIRECTORY_PICTURES}/Matting")
            put(MediaStore.MediaColumns.IS_PENDING, 1)
        }
        return context.contentResolver.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, values)
    }

    private fun write(photo: Photo, out: OutputStream) = PngWriter(out, photo.width, photo.height).use { png ->
        val enlarged = checkNotNull(matter).refinement.Enlarged(photo.width, photo.height)
        var part = FloatArray(0)
        fun strip(pixels: IntArray, top: Int, rows: Int) {
            if (part.size < pixels.size) part = FloatArray(pixels.size)
            enlarged.rows(pixels, top, rows, part)
            cutOut(pixels, part, pixels, rows * photo.width)
            png.rows(pixels, rows)
            report(context.getString(R.string.saving, 100 * (top + rows) / photo.height))
        }
        try {
            photo.strips(STRIP, ::strip)
        } catch (error: UnsupportedOperationException) {
            if (photo.width.toLong() * photo.height > WHOLE) throw IOException(context.getString(R.string.too_large), error)
            val whole = photo.small(WHOLE)
            val pixels = pixelsOf(whole)
            strip(pixels, 0, photo.height)
        }
    }

    private fun open(): MattingModel? {
        model?.let { return it }
        val name = models.current(settings) ?: throw UnusableFile(context.getString(R.string.no_models))
        val (opened, warning) = models.open(name, settings.usesGpu)
        model = opened
        notice = warning
        return opened
    }

    private fun read(chosen: Uri) {
        photo = null
        bitmap = null
        val read = Photo(context.contentResolver, chosen)
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
        val extra = extraOf(model)
        if (extra != null && extraUri == null) {
            val text = if (extra == "trimap") R.string.needs_trimap else R.string.needs_scene
            notice = context.getString(text, model.name)
            return
        }
        val extraPixels = extraUri?.let { covering(it, bitmap.width, bitmap.height) }
        val new = Matter(model, bitmap.width, bitmap.height)
        new.matte(pixels, trimap = extraPixels, background = extraPixels)
        new.refined(pixels, alpha)
        matter = new
        notice = model.notice
    }

    private fun render(view: PhotoView, background: Background): Bitmap? {
        val source = bitmap ?: return null
        val matter = matter ?: return source
        val result = IntArray(pixels.size)
        when (view) {
            PhotoView.IMAGE -> return source
            PhotoView.ALPHA -> greyOf(alpha, result)
            PhotoView.CUT_OUT -> cutOut(pixels, alpha, result)
            PhotoView.COMPOSED -> compose(matter, background, result)
        }
        return Bitmap.createBitmap(result, source.width, source.height, Bitmap.Config.ARGB_8888)
    }

    private fun compose(matter: Matter, background: Background, result: IntArray) {
        val picture = backgroundUri
        val colour = background.colour ?: Color.WHITE.takeIf { background == Background.PICTURE && picture == null }
        when {
            colour != null -> composeOver(pixels, alpha, colour, result)
            background == Background.BLURRED -> {
                val small = IntArray(matter.smallWidth * matter.smallHeight)
                val radius = maxOf(1, maxOf(matter.smallWidth, matter.smallHeight) / 40)
                BlurredBackground(matter.smallWidth, matter.smallHeight, radius).blur(matter.small, matter.smallAlpha, small)
                Resize(matter.smallWidth, matter.smallHeight, matter.width, matter.height).colours(small, result)
                composeOver(pixels, alpha, result, result)
            }
            else -> composeOver(pixels, alpha, covering(checkNotNull(picture), matter.width, matter.height), result)
        }
    }

    private fun covering(uri: Uri, width: Int, height: Int): IntArray {
        val small = Photo(context.contentResolver, uri).small(PREVIEW)
        return cover(pixelsOf(small), small.width, small.height, width, height)
    }

    private fun extraOf(model: MattingModel) = model.inputs.keys.find { it != "image" }

    /** Runs [task] on the worker thread, then renders the result; errors become a message. */
    private fun work(task: () -> Unit) {
        if (isClosed) return
        val (view, background) = view to background
        change(State(true, context.getString(R.string.working), state.shown, false, state.extra))
        worker.execute {
            var shown: Bitmap? = null
            val problem = try {
                task()
                shown = render(view, background)
                null
            } catch (error: UnusableFile) {
                error.message
            } catch (error: IOException) {
                context.getString(R.string.unreadable, error.message)
            } catch (error: IllegalArgumentException) { // from a broken model or provider
                error.message
            } catch (_: OutOfMemoryError) {
                matter = null
                context.getString(R.string.no_memory)
            }
            val message = problem ?: notice
            val (canSave, extra) = (matter != null) to model?.let { extraOf(it) }
            main.post {
                if (!isClosed) change(State(false, message, shown ?: state.shown, canSave, extra))
            }
        }
    }

    private fun report(message: String) = main.post { if (!isClosed) change(State(true, message, state.shown, false, state.extra)) }

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

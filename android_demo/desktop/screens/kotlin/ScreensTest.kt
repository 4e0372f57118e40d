package org.kerasmatting.demo

import android.Manifest
import android.app.Activity
import android.app.Application
import android.content.ActivityNotFoundException
import android.content.ClipboardManager
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.ImageFormat
import android.graphics.Paint
import android.graphics.Rect
import android.database.MatrixCursor
import android.media.Image
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.os.Looper
import android.os.SystemClock
import android.provider.MediaStore
import android.provider.OpenableColumns
import android.view.Surface
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TableLayout
import android.widget.TableRow
import android.widget.TextView
import java.io.File
import java.io.IOException
import java.io.OutputStream
import java.nio.ByteBuffer
import java.util.Date
import java.util.concurrent.CountDownLatch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.tensorflow.lite.Delegate

/** Tests of the activities; most save pictures of their screens. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], qualifiers = "w360dp-h720dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class ScreensTest {
    private val application: Application = RuntimeEnvironment.getApplication()
    private val photograph = Uri.fromFile(File(System.getProperty("photograph")!!))

    @Test
    fun `the sample photograph is cut out in one tap`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).startsWith("image, ") }
        picture(screen, "main")
        screen.findViewById<View>(R.id.try_sample).performClick()
        val intent = shadowOf(screen).nextStartedActivity
        assertEquals(PhotoActivity::class.java.name, intent.component?.className)
        val photo = Robolectric.buildActivity(PhotoActivity::class.java, intent).setup().get()
        await { isMatted(photo) }
        val shown = checkNotNull(compare(photo).after)
        assertTrue("her face is opaque", Color.alpha(shown.getPixel(220, 120)) > 250)
        assertTrue("the flag is transparent", Color.alpha(shown.getPixel(60, 40)) < 5)
        assertTrue(text(photo, R.id.message).contains(" ms"))
    }

    @Test
    @Config(qualifiers = "+night")
    fun `the screens have a dark theme`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).startsWith("image, ") }
        picture(screen, "main_dark")
        val photo = start(PhotoActivity::class.java)
        choose(photo, photograph)
        await { isMatted(photo) }
        photo.findViewById<ViewGroup>(R.id.strip).getChildAt(Look.BLURRED.ordinal).performClick()
        await { isMatted(photo) }
        picture(photo, "photo_dark")
    }

    @Test
    @Config(qualifiers = "w720dp-h360dp-land-xhdpi")
    fun `the screens have a landscape layout`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).startsWith("image, ") }
        picture(screen, "main_landscape")
        val photo = start(PhotoActivity::class.java)
        choose(photo, photograph)
        await { isMatted(photo) }
        picture(photo, "photo_landscape")
    }

    @Test
    fun `every view that can be touched says what it is`() {
        for (type in listOf(MainActivity::class.java, PhotoActivity::class.java, CameraActivity::class.java, CheckActivity::class.java)) {
            val controller = Robolectric.buildActivity(type).setup()
            for (view in views(controller.get().findViewById(android.R.id.content))) {
                if (!view.isClickable || view is ViewGroup && view !is LinearLayout) continue
                val label = view.contentDescription ?: (view as? TextView)?.text
                assertFalse("${type.simpleName}: $view", label.isNullOrEmpty())
            }
            finish(controller)
        }
    }

    private fun views(view: View): List<View> =
        if (view is ViewGroup) listOf(view) + (0 until view.childCount).flatMap { views(view.getChildAt(it)) } else listOf(view)

    @Test
    fun `a file that is not a model is refused in one sentence and not kept`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).startsWith("image, ") }
        screen.findViewById<View>(R.id.pick_model).performClick()
        answer(screen, photograph)
        await { text(screen, R.id.description).contains("not a .tflite file") }
        assertEquals(emptyList<String>(), File(application.filesDir, "models").list().orEmpty().toList())
    }

    @Test
    fun `a picked network does not replace one of the app's, and can be deleted`() {
        val models = Models(application)
        val bundled = models.bundled().first()
        val file = File(application.cacheDir, bundled).apply { writeBytes(application.assets.open("models/$bundled").readBytes()) }
        val provider = Robolectric.setupContentProvider(Names::class.java, "names")
        val uri = Uri.parse("content://names/network")
        fun add(name: String): String {
            provider.name = name
            shadowOf(application.contentResolver).registerInputStream(uri, file.inputStream())
            return models.add(uri)
        }
        for (name in listOf(bundled, bundled.removeSuffix(".tflite"))) assertThrows(IOException::class.java) { add(name) }
        assertEquals("mine.tflite", add("mine"))
        assertEquals(models.bundled() + "mine.tflite", models.names())
        Settings(application).model = "mine.tflite"
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).startsWith("image, ") }
        screen.findViewById<View>(R.id.delete_model).performClick()
        await { text(screen, R.id.description).startsWith("image, ") }
        assertEquals(models.bundled(), models.names())
    }

    @Test
    fun `a GPU whose driver ended the app stays off until it is chosen again`() {
        val settings = Settings(application)
        settings.usesGpu = true
        assertThrows(IllegalStateException::class.java) { settings.tryGpu { error("refused") } }
        settings.recover()
        assertTrue("an exception is not the end of the process", settings.usesGpu)
        settings.tryGpu { Settings(application).recover() } // as if the process had ended within the attempt
        assertFalse(settings.usesGpu)
        assertTrue(settings.gpuCrashed)
        settings.usesGpu = true
        assertFalse(settings.gpuCrashed)
    }

    @Test
    fun `the GPU delegate computes in single precision only if asked to`() {
        val find = { name: String -> if (name.endsWith("Options")) GpuOptions::class.java else GpuDelegate::class.java }
        assertTrue((checkNotNull(gpu(false, find).makeDelegate)() as GpuDelegate).allowsLoss)
        assertFalse((checkNotNull(gpu(true, find).makeDelegate)() as GpuDelegate).allowsLoss)
    }

    @Test
    fun `results have names of their own`() {
        val time = Date(0)
        assertTrue(resultName("IMG_1.jpeg", Look.CUT_OUT, time).startsWith("IMG_1_cut_out_19"))
        assertFalse(resultName(null, Look.WHITE, time) == resultName(null, Look.WHITE, Date(1000)))
    }

    @Test
    fun `a photo of 12 megapixels is shown at 2`() {
        val large = File(application.cacheDir, "12.jpg")
        Bitmap.createBitmap(4000, 3000, Bitmap.Config.ARGB_8888).run { large.outputStream().use { compress(Bitmap.CompressFormat.JPEG, 50, it) } }
        val small = Photo(application, Uri.fromFile(large)).small(2_000_000)
        assertTrue(small.width * small.height in 1_990_000..2_000_000)
    }

    @Test
    fun `a photo is matted, survives screen rotation, and is saved at full resolution`() {
        val controller = Robolectric.buildActivity(PhotoActivity::class.java).setup()
        val screen = controller.get()
        picture(screen, "photo_empty")
        choose(screen, photograph)
        await { isMatted(screen) }
        compare(screen).share = 0.45f
        for (look in listOf(Look.CUT_OUT, Look.ALPHA, Look.BLURRED, Look.WHITE)) {
            screen.findViewById<ViewGroup>(R.id.strip).getChildAt(look.ordinal).performClick()
            await { isMatted(screen) }
            picture(screen, "photo_${look.name.lowercase()}")
        }
        val turned = controller.recreate().get()
        assertTrue("the matte is kept", isMatted(turned))
        for ((look, isTransparent) in listOf(Look.WHITE to false, Look.BLURRED to false, Look.CUT_OUT to true)) {
            turned.findViewById<ViewGroup>(R.id.strip).getChildAt(look.ordinal).performClick()
            await { isMatted(turned) }
            val target = File(application.cacheDir, "saved.png")
            val uri = Uri.parse("content://saved/$look")
            shadowOf(application.contentResolver).registerOutputStream(uri, target.outputStream())
            save(turned, uri)
            await { turned.findViewById<Button>(R.id.main).text == application.getString(R.string.share) }
            val shown = checkNotNull(compare(turned).after)
            val saved = BitmapFactory.decodeFile(target.path)
            assertEquals(shown.width to shown.height, saved.width to saved.height)
            assertEquals(isTransparent, Color.alpha(saved.getPixel(60, 40)) < 255)
            if (isTransparent) continue
            // where the background shows, since Robolectric's BitmapRegionDecoder reads blank pictures
            for (channel in listOf<(Int) -> Int>(Color::red, Color::green, Color::blue)) {
                assertEquals(channel(shown.getPixel(60, 40)).toFloat(), channel(saved.getPixel(60, 40)).toFloat(), 6f)
            }
        }
        val last = Uri.parse("content://saved/CUT_OUT")
        turned.findViewById<View>(R.id.copy).performClick()
        assertEquals(last, application.getSystemService(ClipboardManager::class.java).primaryClip?.getItemAt(0)?.uri)
        turned.findViewById<View>(R.id.share).performClick()
        val sent = shadowOf(turned).nextStartedActivity.getParcelableExtra(Intent.EXTRA_INTENT, Intent::class.java)
        assertEquals(last, sent?.getParcelableExtra(Intent.EXTRA_STREAM, Uri::class.java))
    }

    @Test
    fun `cancelling changes nothing, and a broken picture cannot be saved`() {
        val screen = start(PhotoActivity::class.java)
        await { shadowOf(Looper.getMainLooper()).isIdle && screen.findViewById<View>(R.id.progress).visibility == View.GONE }
        screen.findViewById<View>(R.id.choose).performClick()
        shadowOf(screen).receiveResult(shadowOf(screen).nextStartedActivityForResult.intent, Activity.RESULT_CANCELED, null)
        assertEquals(View.VISIBLE, screen.findViewById<View>(R.id.empty).visibility)
        choose(screen, photograph)
        await { isMatted(screen) }
        val broken = File(application.cacheDir, "broken.jpg").apply { writeText("nothing") }
        choose(screen, Uri.fromFile(broken))
        await { text(screen, R.id.message).contains("damaged or not a picture") }
        assertFalse(isMatted(screen))
        assertFalse(screen.findViewById<View>(R.id.share).isEnabled)
    }

    @Test
    fun `the picture behind can be chosen again, also on phones without a photo picker`() {
        val screen = start(PhotoActivity::class.java)
        choose(screen, photograph)
        await { isMatted(screen) }
        val tile = screen.findViewById<ViewGroup>(R.id.strip).getChildAt(Look.PICTURE.ordinal)
        repeat(2) {
            tile.performClick()
            answer(screen, photograph)
            await { isMatted(screen) }
        }
        val started = mutableListOf<String?>()
        val without = object : Activity() {
            override fun startActivityForResult(intent: Intent, request: Int) {
                started += intent.action
                if (intent.action != Intent.ACTION_GET_CONTENT) throw ActivityNotFoundException()
            }
        }
        assertTrue(without.pickPicture(1))
        assertEquals(listOf(MediaStore.ACTION_PICK_IMAGES, Intent.ACTION_OPEN_DOCUMENT, Intent.ACTION_GET_CONTENT), started)
    }

    @Test
    fun `a photo that cannot be saved is kept, and the reason is shown`() {
        val screen = start(PhotoActivity::class.java)
        choose(screen, photograph)
        await { isMatted(screen) }
        var isClosed = false
        val full = object : OutputStream() {
            override fun write(byte: Int) {
                throw IOException("No space left on device")
            }

            override fun close() {
                isClosed = true
            }
        }
        shadowOf(application.contentResolver).registerOutputStream(Uri.parse("content://saved/2"), full)
        save(screen, Uri.parse("content://saved/2"))
        await { text(screen, R.id.message) == "Not saved: No space left on device" }
        assertTrue(isMatted(screen))
        assertTrue(isClosed)
    }

    @Test
    fun `the photo screen is restored after its process was killed`() {
        val controller = Robolectric.buildActivity(PhotoActivity::class.java).setup()
        choose(controller.get(), photograph)
        controller.get().findViewById<ViewGroup>(R.id.strip).getChildAt(Look.GREEN.ordinal).performClick()
        compare(controller.get()).share = 0.25f
        await { isMatted(controller.get()) }
        val state = Bundle()
        finish(controller.saveInstanceState(state))

        val again = Robolectric.buildActivity(PhotoActivity::class.java).setup(state).get()
        await { isMatted(again) }
        assertTrue(again.findViewById<ViewGroup>(R.id.strip).getChildAt(Look.GREEN.ordinal).isSelected)
        assertEquals(0.25f, compare(again).share)
    }

    @Test
    fun `a photo of 100 megapixels is saved at full resolution`() {
        val large = File(application.cacheDir, "large.jpg")
        val small = BitmapFactory.decodeFile(photograph.path)
        Bitmap.createScaledBitmap(small, 11648, 8736, true).run {
            large.outputStream().use { compress(Bitmap.CompressFormat.JPEG, 80, it) }
            recycle()
        }
        val screen = start(PhotoActivity::class.java)
        choose(screen, Uri.fromFile(large))
        await(300) { isMatted(screen) }
        val target = File(application.cacheDir, "large.png")
        shadowOf(application.contentResolver).registerOutputStream(Uri.parse("content://saved/3"), target.outputStream())
        save(screen, Uri.parse("content://saved/3"))
        await(300) { text(screen, R.id.message).startsWith("Saved 11648 × 8736 pixels") }
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(target.path, bounds)
        assertEquals(11648 to 8736, bounds.outWidth to bounds.outHeight)
    }

    @Test
    fun `without permission the camera screen explains and offers to ask again`() {
        shadowOf(application).denyPermissions(Manifest.permission.CAMERA)
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup()
        val screen = controller.get()
        screen.onRequestPermissionsResult(1, arrayOf(Manifest.permission.CAMERA), intArrayOf(-1))
        assertEquals(application.getString(R.string.camera_refused), text(screen, R.id.message))
        assertEquals(View.VISIBLE, screen.findViewById<View>(R.id.allow).visibility)
        picture(screen, "camera_refused")
        finish(controller)
    }

    @Test
    fun `a missing camera is reported`() {
        shadowOf(application).grantPermissions(Manifest.permission.CAMERA)
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup()
        await { text(controller.get(), R.id.message) == application.getString(R.string.no_camera) }
        picture(controller.get(), "camera_none")
        finish(controller)
    }

    @Suppress("DEPRECATION") // as in the activity
    @Test
    fun `camera frames are shown with a new background, upright when the phone is rotated`() {
        shadowOf(application).grantPermissions(Manifest.permission.CAMERA)
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup()
        val screen = controller.get()
        await { text(screen, R.id.message) == application.getString(R.string.no_camera) } // the model is open
        val running = field(screen, "running")
        val whole = BitmapFactory.decodeFile(photograph.path)
        val part = 3 * whole.height / 4
        val frame = Frame(Bitmap.createBitmap(whole, (whole.width - part) / 2, 0, part, whole.height), 480, 640)
        SystemClock.setCurrentTimeMillis(10_000) // Robolectric's clock stands still; the text is updated every half second
        Handler((field(field(screen, "kept"), "thread") as HandlerThread).looper).post {
            running.javaClass.getDeclaredMethod("frame", Image::class.java).apply { isAccessible = true }.invoke(running, frame)
        }
        await { text(screen, R.id.message).contains("ms per frame") }
        val shown = field(field(running, "live"), "bitmap") as Bitmap
        assertEquals(480 to 640, shown.width to shown.height)
        picture(screen, "camera", shown)

        shadowOf(screen.windowManager.defaultDisplay).setRotation(Surface.ROTATION_180)
        await { field(running, "displayDegrees") == 180 }
        finish(controller)
    }

    @Test
    fun `leaving before the network is opened opens neither it nor the camera`() {
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup() // asks for permission
        val kept = field(controller.get(), "kept")
        val handler = Handler((field(kept, "thread") as HandlerThread).looper)
        val (left, done) = CountDownLatch(1) to CountDownLatch(1)
        handler.post { left.await() }
        shadowOf(application).grantPermissions(Manifest.permission.CAMERA)
        controller.pause().resume().pause()
        left.countDown()
        handler.post { done.countDown() }
        done.await()
        assertNull(kept.javaClass.getDeclaredField("opened").apply { isAccessible = true }.get(kept))
        finish(controller)
    }

    @Test
    fun `the check runs every network, and a missing GPU is not an alarm`() {
        val controller = Robolectric.buildActivity(CheckActivity::class.java).setup()
        val screen = controller.recreate().get()
        await(600) { screen.findViewById<View>(R.id.run).isEnabled }
        val rows = screen.findViewById<TableLayout>(R.id.rows)
        val verdicts = (0 until rows.childCount).mapNotNull { rows.getChildAt(it) as? TableRow }.map { row ->
            (row.getChildAt(row.childCount - 1) as TextView).text.toString()
        }
        val files = Models(application).bundled().size
        assertEquals(3 * files, verdicts.count { it == application.getString(R.string.passed) })
        assertEquals(files, verdicts.count { it == application.getString(R.string.absent) })
        assertEquals(application.getString(R.string.check_passed), text(screen, R.id.verdict))
        assertEquals(application.getColor(R.color.good), screen.findViewById<TextView>(R.id.verdict).currentTextColor)
        picture(screen, "check")
    }

    private fun compare(screen: Activity): CompareView = screen.findViewById(R.id.picture)

    private fun isMatted(screen: Activity) = compare(screen).after != null && screen.findViewById<View>(R.id.progress).visibility == View.GONE

    private fun <T : Activity> start(type: Class<T>): T = Robolectric.buildActivity(type).setup().get()

    private fun finish(controller: ActivityController<*>) = controller.pause().stop().destroy()

    private fun text(screen: Activity, id: Int) = screen.findViewById<TextView>(id).text.toString()

    private fun choose(screen: Activity, uri: Uri) {
        screen.findViewById<View>(R.id.choose).performClick()
        answer(screen, uri)
    }

    private fun answer(screen: Activity, uri: Uri) =
        shadowOf(screen).receiveResult(shadowOf(screen).nextStartedActivityForResult.intent, Activity.RESULT_OK, Intent().setData(uri))

    /** As on Android 8 and 9, where the user names the file. */
    private fun save(screen: PhotoActivity, target: Uri) = (field(screen, "session") as PhotoSession).save(target)

    private fun field(owner: Any, name: String): Any = checkNotNull(
        owner.javaClass.getDeclaredField(name).apply { isAccessible = true }.get(owner),
    )

    private fun await(seconds: Int = 120, condition: () -> Boolean) {
        val end = System.currentTimeMillis() + 1000 * seconds
        while (true) {
            shadowOf(Looper.getMainLooper()).idle()
            if (condition()) return
            check(System.currentTimeMillis() < end) { "timed out after $seconds seconds" }
            Thread.sleep(20)
        }
    }

    /** Saves a picture of the screen; [behind] is drawn in place of the preview's surface, which Robolectric lacks. */
    private fun picture(screen: Activity, name: String, behind: Bitmap? = null) {
        shadowOf(Looper.getMainLooper()).idle()
        val root = screen.window.decorView
        root.jumpDrawablesToCurrentState() // a chosen button fades in
        val bitmap = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        val canvas = Canvas(bitmap)
        root.draw(canvas)
        if (behind != null) {
            val preview = screen.findViewById<View>(R.id.preview)
            val place = IntArray(2).also { preview.getLocationInWindow(it) }
            val height = preview.width * behind.height / behind.width
            val top = place[1] + (preview.height - height) / 2
            canvas.drawRGB(0, 0, 0)
            canvas.drawBitmap(behind, null, Rect(place[0], top, place[0] + preview.width, top + height), Paint(Paint.FILTER_BITMAP_FLAG))
            val overlay = preview.parent as ViewGroup
            for (i in 1 until overlay.childCount) { // redraw the views above the surface
                val view = overlay.getChildAt(i).takeIf { it.visibility == View.VISIBLE } ?: continue
                val at = IntArray(2).also { view.getLocationInWindow(it) }
                canvas.save()
                canvas.translate(at[0].toFloat(), at[1].toFloat())
                view.draw(canvas)
                canvas.restore()
            }
        }
        File(System.getProperty("screens"), "$name.png").outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }
}

/** Tells the name of a document. */
class Names : ContentProvider() {
    var name = ""

    override fun onCreate() = true
    override fun query(uri: Uri, columns: Array<String>?, where: String?, values: Array<String>?, order: String?) =
        MatrixCursor(arrayOf(OpenableColumns.DISPLAY_NAME)).apply { addRow(arrayOf(name)) }

    override fun getType(uri: Uri): String? = null
    override fun insert(uri: Uri, values: ContentValues?): Uri? = null
    override fun delete(uri: Uri, where: String?, values: Array<String>?) = 0
    override fun update(uri: Uri, values: ContentValues?, where: String?, arguments: Array<String>?) = 0
}

/** In place of LiteRT's, which this build does not have. */
class GpuOptions {
    var isPrecisionLossAllowed = true
}

class GpuDelegate(options: GpuOptions) : Delegate {
    val allowsLoss = options.isPrecisionLossAllowed

    constructor() : this(GpuOptions())

    override fun getNativeHandle() = 0L
}

/** A camera frame with the contents of a picture: YUV_420_888 with separate chroma planes. */
private class Frame(picture: Bitmap, private val width: Int, private val height: Int) : Image() {
    private val planes: Array<Image.Plane>

    init {
        val pixels = pixelsOf(Bitmap.createScaledBitmap(picture, width, height, true))
        fun channel(i: Int, shift: Int) = pixels[i] shr shift and 255
        fun sum(i: Int, red: Double, green: Double, blue: Double, offset: Int) =
            (offset + red * channel(i, 16) + green * channel(i, 8) + blue * channel(i, 0)).toInt().coerceIn(0, 255).toByte()
        val luma = ByteArray(width * height) { sum(it, 0.299, 0.587, 0.114, 0) }
        fun chroma(red: Double, green: Double, blue: Double) = ByteArray(width * height / 4) {
            sum(it / (width / 2) * 2 * width + it % (width / 2) * 2, red, green, blue, 128)
        }
        planes = arrayOf(
            Part(luma, width), Part(chroma(-0.168736, -0.331264, 0.5), width / 2), Part(chroma(0.5, -0.418688, -0.081312), width / 2),
        )
    }

    private class Part(private val bytes: ByteArray, private val stride: Int) : Image.Plane() {
        override fun getRowStride() = stride
        override fun getPixelStride() = 1
        override fun getBuffer(): ByteBuffer = ByteBuffer.wrap(bytes)
    }

    override fun getFormat() = ImageFormat.YUV_420_888
    override fun getWidth() = width
    override fun getHeight() = height
    override fun getTimestamp() = 0L
    override fun getTransform() = 0
    override fun getScalingMode() = 0
    override fun getPlanes() = planes
    override fun close() = Unit
}

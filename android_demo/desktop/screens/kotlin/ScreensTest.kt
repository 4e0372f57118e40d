package org.kerasmatting.demo

import android.Manifest
import android.app.Activity
import android.app.Application
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.ImageFormat
import android.graphics.Paint
import android.graphics.Rect
import android.media.Image
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.os.Looper
import android.os.SystemClock
import android.view.Surface
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.LinearLayout
import android.widget.RadioGroup
import android.widget.Spinner
import android.widget.TextView
import java.io.File
import java.io.IOException
import java.io.OutputStream
import java.nio.ByteBuffer
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.kerasmatting.matting.Background
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** Tests of the activities; most save pictures of their screens. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], qualifiers = "w360dp-h720dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class ScreensTest {
    private val application: Application = RuntimeEnvironment.getApplication()
    private val photograph = Uri.fromFile(File(System.getProperty("photograph")!!))

    @Test
    fun `the first screen describes the model`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).contains("->") }
        assertTrue(text(screen, R.id.description).startsWith("Image matting at "))
        assertTrue(text(screen, R.id.description).contains("image -> alpha"))
        picture(screen, "main")
    }

    @Test
    fun `a file that is not a model is refused in one sentence and not kept`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).contains("->") }
        screen.findViewById<View>(R.id.pick_model).performClick()
        answer(screen, photograph)
        await { text(screen, R.id.description).contains("not a .tflite file") }
        assertEquals(emptyList<String>(), File(application.filesDir, "models").list().orEmpty().toList())
    }

    @Test
    fun `a photo is matted, survives screen rotation, and is saved at full resolution`() {
        val controller = Robolectric.buildActivity(PhotoActivity::class.java).setup()
        val screen = controller.get()
        assertFalse(screen.findViewById<Button>(R.id.save).isEnabled)
        choose(screen, photograph)
        await { screen.findViewById<Button>(R.id.save).isEnabled }
        for ((view, name) in mapOf(
            R.id.view_image to "image", R.id.view_alpha to "alpha", R.id.view_cut_out to "cut_out", R.id.view_composed to "composed",
        )) {
            screen.findViewById<RadioGroup>(R.id.views).check(view)
            await { screen.findViewById<Button>(R.id.save).isEnabled }
            picture(screen, "photo_$name")
        }
        val turned = controller.recreate().get()
        assertTrue("the matte is kept", turned.findViewById<Button>(R.id.save).isEnabled)

        val target = File(application.cacheDir, "saved.png")
        shadowOf(application.contentResolver).registerOutputStream(Uri.parse("content://saved/1"), target.outputStream())
        save(turned, Uri.parse("content://saved/1"))
        await { target.length() > 0 && turned.findViewById<Button>(R.id.save).isEnabled }
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(File(photograph.path!!).path, bounds)
        val saved = BitmapFactory.decodeFile(target.path)
        assertEquals(bounds.outWidth to bounds.outHeight, saved.width to saved.height)
        assertTrue(saved.hasAlpha())
    }

    @Test
    fun `cancelling changes nothing, and a broken picture is reported`() {
        val screen = start(PhotoActivity::class.java)
        await { shadowOf(Looper.getMainLooper()).isIdle && screen.findViewById<View>(R.id.progress).visibility == View.GONE }
        screen.findViewById<View>(R.id.choose).performClick()
        shadowOf(screen).receiveResult(shadowOf(screen).nextStartedActivityForResult.intent, Activity.RESULT_CANCELED, null)
        assertEquals(application.getString(R.string.no_picture), text(screen, R.id.message))
        val broken = File(application.cacheDir, "broken.jpg").apply { writeText("nothing") }
        choose(screen, Uri.fromFile(broken))
        await { text(screen, R.id.message).contains("damaged or not a picture") }
        assertFalse(screen.findViewById<Button>(R.id.save).isEnabled)
    }

    @Test
    fun `a photo that cannot be saved is kept, and the reason is shown`() {
        val screen = start(PhotoActivity::class.java)
        choose(screen, photograph)
        await { screen.findViewById<Button>(R.id.save).isEnabled }
        val full = object : OutputStream() {
            override fun write(byte: Int) {
                throw IOException("No space left on device")
            }
        }
        shadowOf(application.contentResolver).registerOutputStream(Uri.parse("content://saved/2"), full)
        save(screen, Uri.parse("content://saved/2"))
        await { text(screen, R.id.message) == "Not saved: No space left on device" }
        assertTrue(screen.findViewById<Button>(R.id.save).isEnabled)
    }

    @Test
    fun `the photo screen is restored after its process was killed`() {
        val controller = Robolectric.buildActivity(PhotoActivity::class.java).setup()
        choose(controller.get(), photograph)
        controller.get().findViewById<RadioGroup>(R.id.views).check(R.id.view_alpha)
        controller.get().findViewById<Spinner>(R.id.backgrounds).setSelection(Background.GREEN.ordinal)
        await { controller.get().findViewById<Button>(R.id.save).isEnabled }
        val state = Bundle()
        finish(controller.saveInstanceState(state))

        val again = Robolectric.buildActivity(PhotoActivity::class.java).setup(state).get()
        await { again.findViewById<Button>(R.id.save).isEnabled }
        assertEquals(R.id.view_alpha, again.findViewById<RadioGroup>(R.id.views).checkedRadioButtonId)
        assertEquals(Background.GREEN.ordinal, again.findViewById<Spinner>(R.id.backgrounds).selectedItemPosition)
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
        await(300) { screen.findViewById<Button>(R.id.save).isEnabled }
        val target = File(application.cacheDir, "large.png")
        shadowOf(application.contentResolver).registerOutputStream(Uri.parse("content://saved/3"), target.outputStream())
        save(screen, Uri.parse("content://saved/3"))
        await(300) { text(screen, R.id.message).startsWith("Saved 11648 x 8736 pixels") }
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
        Handler((field(screen, "thread") as HandlerThread).looper).post {
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
    fun `the check runs every model and reports prominently that there is no GPU`() {
        val controller = Robolectric.buildActivity(CheckActivity::class.java).setup()
        val screen = controller.recreate().get()
        await(600) { screen.findViewById<View>(R.id.run).isEnabled }
        val rows = screen.findViewById<LinearLayout>(R.id.rows)
        val texts = (0 until rows.childCount).map { (rows.getChildAt(it) as TextView).text.toString() }
        assertEquals(0, texts.size % 4)
        assertEquals(texts.size / 4, texts.count { it.startsWith("NOT RUN") && it.contains("GPU is not part of this app") })
        assertEquals(texts.size / 4 * 3, texts.count { it.startsWith("passed") })
        val verdict = listOf(
            application.getString(R.string.check_passed), application.getString(R.string.check_refused, texts.size / 4),
        )
        assertEquals(verdict.joinToString("\n"), text(screen, R.id.verdict))
        picture(screen, "check")
    }

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

    private fun await(seconds: Int = 15, condition: () -> Boolean) {
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

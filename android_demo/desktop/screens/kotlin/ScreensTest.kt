package org.kerasmatting.demo

import android.Manifest
import android.app.Activity
import android.app.Application
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.net.Uri
import android.os.Looper
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.RadioGroup
import android.widget.TextView
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
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

/** The activities themselves; every test leaves pictures of what it saw. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], qualifiers = "w360dp-h720dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class ScreensTest {
    private val application: Application = RuntimeEnvironment.getApplication()
    private val photograph = Uri.fromFile(File(System.getProperty("photograph")!!))

    @Test
    fun `the first screen says what the network is`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).contains("->") }
        assertTrue(text(screen, R.id.description).contains("image -> alpha"))
        picture(screen, "main")
    }

    @Test
    fun `a file that is no network is refused in a sentence and not kept`() {
        val screen = start(MainActivity::class.java)
        await { text(screen, R.id.description).contains("->") }
        screen.findViewById<View>(R.id.pick_model).performClick()
        answer(screen, photograph)
        await { text(screen, R.id.description).contains("no .tflite file") }
        assertEquals(emptyList<String>(), File(application.filesDir, "models").list().orEmpty().toList())
    }

    @Test
    fun `a photo is matted, turned with the screen, and saved at its own size`() {
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
    fun `no choice changes nothing and a broken picture is named`() {
        val screen = start(PhotoActivity::class.java)
        await { shadowOf(Looper.getMainLooper()).isIdle && screen.findViewById<View>(R.id.progress).visibility == View.GONE }
        screen.findViewById<View>(R.id.choose).performClick()
        shadowOf(screen).receiveResult(shadowOf(screen).nextStartedActivityForResult.intent, Activity.RESULT_CANCELED, null)
        assertEquals(application.getString(R.string.no_picture), text(screen, R.id.message))
        val broken = File(application.cacheDir, "broken.jpg").apply { writeText("nothing") }
        choose(screen, Uri.fromFile(broken))
        await { text(screen, R.id.message).contains("damaged or no picture") }
        assertFalse(screen.findViewById<Button>(R.id.save).isEnabled)
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
    fun `a phone without a camera is told so`() {
        shadowOf(application).grantPermissions(Manifest.permission.CAMERA)
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup()
        await { text(controller.get(), R.id.message) == application.getString(R.string.no_camera) }
        picture(controller.get(), "camera_none")
        finish(controller)
    }

    @Test
    fun `the check runs every file and says loudly that there is no GPU here`() {
        val controller = Robolectric.buildActivity(CheckActivity::class.java).setup()
        val screen = controller.recreate().get()
        await(60) { screen.findViewById<View>(R.id.run).isEnabled }
        val rows = screen.findViewById<LinearLayout>(R.id.rows)
        val texts = (0 until rows.childCount).map { (rows.getChildAt(it) as TextView).text.toString() }
        assertEquals(0, texts.size % 4)
        assertEquals(texts.size / 4, texts.count { it.startsWith("NOT RUN") && it.contains("GPU is not part of this app") })
        assertEquals(texts.size / 4 * 3, texts.count { it.startsWith("passed") })
        assertEquals(application.getString(R.string.check_passed), text(screen, R.id.verdict))
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

    /** As on Android 8 and 9, where the person names the file. */
    private fun save(screen: PhotoActivity, target: Uri) {
        val session = screen.javaClass.getDeclaredField("session").apply { isAccessible = true }.get(screen) as PhotoSession
        session.save(target)
    }

    private fun await(seconds: Int = 15, condition: () -> Boolean) {
        val end = System.currentTimeMillis() + 1000 * seconds
        while (true) {
            shadowOf(Looper.getMainLooper()).idle()
            if (condition()) return
            check(System.currentTimeMillis() < end) { "waited in vain" }
            Thread.sleep(20)
        }
    }

    private fun picture(screen: Activity, name: String) {
        shadowOf(Looper.getMainLooper()).idle()
        val root = screen.window.decorView
        val bitmap = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        root.draw(Canvas(bitmap))
        File(System.getProperty("screens"), "$name.png").outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }
}

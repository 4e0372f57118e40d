package org.kerasmatting.demo

import android.Manifest
import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.Paint
import android.graphics.Rect
import android.hardware.display.DisplayManager
import android.media.Image
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.os.SystemClock
import android.provider.MediaStore
import android.provider.Settings.ACTION_APPLICATION_DETAILS_SETTINGS
import android.view.Surface
import android.view.SurfaceHolder
import android.view.SurfaceView
import android.view.View
import android.widget.AdapterView
import android.widget.Button
import android.widget.Spinner
import android.widget.Switch
import android.widget.TextView
import java.io.IOException
import org.kerasmatting.inference.FrameMatter
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.matting.Background
import org.kerasmatting.matting.CameraFrame
import org.kerasmatting.matting.UnusableFile
import org.kerasmatting.matting.YuvPlane
import org.kerasmatting.matting.cover
import org.kerasmatting.matting.uprightTurn

/**
 * Live preview with a new background. Camera, model and drawing share one thread that survives screen
 * rotation, so that one activity has closed the camera before the next one opens it.
 */
class CameraActivity : Activity() {
    private lateinit var thread: HandlerThread
    private val settings by lazy { Settings(this) }
    private val message by lazy { findViewById<TextView>(R.id.message) }
    private val holder by lazy { findViewById<SurfaceView>(R.id.preview).holder }
    private val displays by lazy { getSystemService(DisplayManager::class.java) }
    private var running: Running? = null

    private val drawing = Any()
    private var hasSurface = false // guarded by drawing

    private var chosen = Background.BLURRED
    private var backgroundUri: Uri? = null
    private var asked = false

    /** Rotating the screen by 180 degrees does not recreate the activity. */
    private val onTurned = object : DisplayManager.DisplayListener {
        override fun onDisplayAdded(display: Int) = Unit
        override fun onDisplayRemoved(display: Int) = Unit

        override fun onDisplayChanged(display: Int) {
            running?.displayDegrees = displayDegrees()
        }
    }

    @Suppress("DEPRECATION") // the replacement is in AndroidX
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.camera)
        thread = lastNonConfigurationInstance as HandlerThread? ?: HandlerThread("camera").apply { start() }
        state?.let {
            chosen = Background.entries[it.getInt(BACKGROUND)]
            backgroundUri = it.getString(URI)?.let(Uri::parse)
            asked = it.getBoolean(ASKED)
        }
        findViewById<Switch>(R.id.smoothing).apply {
            isChecked = settings.smooths
            setOnCheckedChangeListener { _, checked ->
                settings.smooths = checked
                running?.smooths = checked
            }
        }
        findViewById<Button>(R.id.switch_camera).setOnClickListener {
            settings.usesFrontCamera = !settings.usesFrontCamera
            restart()
        }
        findViewById<Button>(R.id.take_scene).setOnClickListener { running?.takesScene = true }
        findViewById<Button>(R.id.allow).setOnClickListener { allow() }
        findViewById<Spinner>(R.id.backgrounds).apply {
            setSelection(chosen.ordinal, false)
            onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
                override fun onItemSelected(list: AdapterView<*>, row: View?, position: Int, id: Long) {
                    if (position == chosen.ordinal) return
                    chosen = Background.entries[position]
                    running?.background = chosen
                    if (chosen == Background.PICTURE) pick()
                }

                override fun onNothingSelected(list: AdapterView<*>) = Unit
            }
        }
        holder.addCallback(object : SurfaceHolder.Callback {
            override fun surfaceCreated(holder: SurfaceHolder) = synchronized(drawing) { hasSurface = true }
            override fun surfaceChanged(holder: SurfaceHolder, format: Int, width: Int, height: Int) = Unit

            /** Nothing may be drawn after this returns. */
            override fun surfaceDestroyed(holder: SurfaceHolder) = synchronized(drawing) { hasSurface = false }
        })
    }

    @Deprecated("the replacement is in AndroidX")
    override fun onRetainNonConfigurationInstance(): Any = thread

    override fun onDestroy() {
        if (!isChangingConfigurations) thread.quitSafely()
        super.onDestroy()
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putInt(BACKGROUND, chosen.ordinal)
        state.putString(URI, backgroundUri?.toString())
        state.putBoolean(ASKED, asked)
    }

    override fun onResume() {
        super.onResume()
        displays.registerDisplayListener(onTurned, null)
        if (isAllowed()) {
            findViewById<View>(R.id.allow).visibility = View.GONE
            if (running == null) running = Running()
        } else if (!asked) {
            asked = true
            requestPermissions(arrayOf(Manifest.permission.CAMERA), PERMISSION)
        } else {
            refuse()
        }
    }

    override fun onPause() {
        displays.unregisterDisplayListener(onTurned)
        pause()
        super.onPause()
    }

    /** Also called with empty results if the user dismisses the dialog; onResume follows in any case. */
    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (!isAllowed()) refuse()
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        if (request != PICTURE) return
        if (result == RESULT_OK) data?.data?.let { backgroundUri = it }
        if (backgroundUri == null) { // none was chosen
            chosen = Background.BLURRED
            findViewById<Spinner>(R.id.backgrounds).setSelection(chosen.ordinal)
        }
    }

    private fun isAllowed() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    private fun refuse() {
        message.setText(R.string.camera_refused)
        findViewById<View>(R.id.allow).visibility = View.VISIBLE
    }

    /** Asks again. After a permanent denial Android no longer shows the dialog, so this opens its settings. */
    private fun allow() {
        if (shouldShowRequestPermissionRationale(Manifest.permission.CAMERA)) {
            requestPermissions(arrayOf(Manifest.permission.CAMERA), PERMISSION)
        } else {
            start(Intent(ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null)), SETTINGS)
        }
    }

    private fun pick() {
        val intent = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            Intent(MediaStore.ACTION_PICK_IMAGES)
        } else {
            Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
        }
        start(intent.setType("image/*"), PICTURE)
    }

    private fun start(intent: Intent, request: Int) = try {
        startActivityForResult(intent, request)
    } catch (_: ActivityNotFoundException) {
        message.setText(R.string.no_chooser)
    }

    private fun restart() {
        pause()
        if (isAllowed()) running = Running()
    }

    private fun pause() {
        running?.stop()
        running = null
    }

    @Suppress("DEPRECATION") // the replacement needs Android 11
    private fun displayDegrees() = when (windowManager.defaultDisplay.rotation) {
        Surface.ROTATION_90 -> 90
        Surface.ROTATION_180 -> 180
        Surface.ROTATION_270 -> 270
        else -> 0
    }

    /** State from onResume to onPause. */
    private inner class Running {
        private val handler = Handler(thread.looper)
        private val feed = CameraFeed(this@CameraActivity, handler, ::frame) {
            say(getString(R.string.camera_failed, it))
        }

        // Set on the main thread.
        @Volatile var background = chosen
        @Volatile var smooths = settings.smooths
        @Volatile var takesScene = false
        @Volatile var displayDegrees = displayDegrees()
        private val backgroundUri = this@CameraActivity.backgroundUri

        // Used on the camera thread only.
        private var model: MattingModel? = null
        private var notice: String? = null
        private var live: Live? = null
        private val paint = Paint(Paint.FILTER_BITMAP_FLAG)
        private val place = Rect()
        private var lastSaid = 0L

        @Volatile private var isStopped = false

        init {
            message.setText(R.string.working)
            handler.post { begin() }
        }

        /** Does not wait: a slow model or a GPU that is still being prepared would block the main thread. */
        fun stop() {
            isStopped = true
            handler.post {
                feed.close()
                model?.close()
                model = null
            }
        }

        private fun begin() {
            if (isStopped) return
            val models = Models(this@CameraActivity)
            val name = models.current(settings) ?: return say(getString(R.string.no_models))
            try {
                val (opened, warning) = models.open(name, settings.usesGpu)
                model = opened
                notice = warning
            } catch (error: UnusableFile) {
                return say(error.message ?: "")
            }
            val inputs = checkNotNull(model).inputs.keys
            if ("trimap" in inputs) return say(getString(R.string.no_trimap_video, name))
            val button = if ("background" in inputs) View.VISIBLE else View.GONE
            runOnUiThread { findViewById<View>(R.id.take_scene).visibility = button }
            if (!feed.open(settings.usesFrontCamera)) say(getString(R.string.no_camera))
        }

        private fun frame(image: Image) {
            val model = model ?: return
            if (isStopped) return
            val start = SystemClock.elapsedRealtimeNanos()
            val planes = image.planes
            val turn = uprightTurn(feed.sensorDegrees, displayDegrees, feed.isFront)
            try {
                val live = live?.takeIf { it.fits(image, planes, turn) } ?: begin(model, image, planes, turn)
                val takes = takesScene
                takesScene = false
                for (i in planes.indices) live.matter.planes[i].read(planes[i].buffer)
                val ready = live.matter.matte(background, live.picture, smooths, takes)
                draw(live)
                tell(ready, model, (SystemClock.elapsedRealtimeNanos() - start) / 1e6)
            } catch (error: UnusableFile) { // a GPU may fail even after it accepted the model
                isStopped = true
                say(error.message ?: "")
            } catch (_: OutOfMemoryError) {
                isStopped = true
                say(getString(R.string.no_memory))
            }
        }

        private fun begin(model: MattingModel, image: Image, planes: Array<Image.Plane>, turn: Int): Live {
            val frame = CameraFrame(image.width, image.height, turn, feed.isFront)
            val matter = FrameMatter(model, frame, planes.map { YuvPlane(it.rowStride, it.pixelStride, it.buffer.capacity()) })
            return Live(matter, readPicture(matter.width, matter.height)).also { live = it }
        }

        private fun readPicture(width: Int, height: Int): IntArray? {
            val small = try {
                Photo(contentResolver, backgroundUri ?: return null).small(width * height * 2)
            } catch (error: IOException) {
                say(getString(R.string.unreadable, error.message))
                return null
            }
            return cover(pixelsOf(small), small.width, small.height, width, height)
        }

        private fun draw(live: Live) {
            live.bitmap.setPixels(live.matter.shown, 0, live.matter.width, 0, 0, live.matter.width, live.matter.height)
            synchronized(drawing) {
                if (!hasSurface) return
                val canvas = holder.lockCanvas() ?: return
                fit(live.bitmap, canvas.width, canvas.height)
                canvas.drawRGB(0, 0, 0)
                canvas.drawBitmap(live.bitmap, null, place, paint)
                holder.unlockCanvasAndPost(canvas)
            }
        }

        private fun fit(bitmap: Bitmap, width: Int, height: Int) {
            val scale = minOf(width.toFloat() / bitmap.width, height.toFloat() / bitmap.height)
            val left = ((width - bitmap.width * scale) / 2).toInt()
            val top = ((height - bitmap.height * scale) / 2).toInt()
            place.set(left, top, left + (bitmap.width * scale).toInt(), top + (bitmap.height * scale).toInt())
        }

        /** Updates the text at most twice a second, so that it can be read. */
        private fun tell(ready: Boolean, model: MattingModel, milliseconds: Double) {
            val now = SystemClock.elapsedRealtime()
            if (now - lastSaid < 500) return
            lastSaid = now
            val time = getString(R.string.frame_time, model.processor.name, milliseconds)
            say(listOfNotNull(if (ready) time else getString(R.string.take_scene_hint), notice).joinToString("\n"))
        }

        private fun say(text: String) = runOnUiThread { if (running === this) message.text = text }
    }

    /** Buffers for frames of one size and rotation. */
    private class Live(val matter: FrameMatter, val picture: IntArray?) {
        val bitmap: Bitmap = Bitmap.createBitmap(matter.width, matter.height, Bitmap.Config.ARGB_8888)

        fun fits(image: Image, planes: Array<Image.Plane>, turn: Int): Boolean {
            val frame = matter.frame
            if (image.width != frame.width || image.height != frame.height || turn != frame.turn) return false
            for (i in planes.indices) {
                val plane = matter.planes[i]
                if (plane.rowStride != planes[i].rowStride || plane.pixelStride != planes[i].pixelStride) return false
            }
            return true
        }
    }

    private companion object {
        const val PERMISSION = 1
        const val PICTURE = 2
        const val SETTINGS = 3
        const val BACKGROUND = "background"
        const val URI = "uri"
        const val ASKED = "asked"
    }
}

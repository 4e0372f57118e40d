package org.kerasmatting.demo

import android.Manifest
import android.app.Activity
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.Paint
import android.graphics.Rect
import android.hardware.display.DisplayManager
import android.media.Image
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.os.SystemClock
import android.provider.Settings.ACTION_APPLICATION_DETAILS_SETTINGS
import android.view.Surface
import android.view.SurfaceHolder
import android.view.SurfaceView
import android.view.View
import android.widget.Button
import android.widget.ImageButton
import android.widget.Switch
import android.widget.TextView
import java.io.IOException
import org.kerasmatting.inference.FrameMatter
import org.kerasmatting.inference.MattingModel
import org.kerasmatting.matting.CameraFrame
import org.kerasmatting.matting.UnusableFile
import org.kerasmatting.matting.YuvPlane
import org.kerasmatting.matting.cover
import org.kerasmatting.matting.uprightTurn

/**
 * Live preview with a new background. Camera, model and drawing share one thread that survives screen
 * rotation, so that one activity has closed the camera before the next one opens it. So does the open model, which
 * takes seconds to prepare for a GPU, and the empty scene.
 */
class CameraActivity : Activity() {
    private lateinit var kept: Kept
    private lateinit var strip: LookStrip
    private val settings by lazy { Settings(this) }
    private val message by lazy { findViewById<TextView>(R.id.message) }
    private val holder by lazy { findViewById<SurfaceView>(R.id.preview).holder }
    private val displays by lazy { getSystemService(DisplayManager::class.java) }
    private var running: Running? = null

    private val drawing = Any()
    private var hasSurface = false // guarded by drawing

    private var chosen = Look.BLURRED
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
        kept = lastNonConfigurationInstance as Kept? ?: Kept()
        state?.let {
            chosen = Look.entries[it.getInt(BACKGROUND)]
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
        findViewById<ImageButton>(R.id.back).setOnClickListener { finish() }
        findViewById<ImageButton>(R.id.switch_camera).setOnClickListener {
            settings.usesFrontCamera = !settings.usesFrontCamera
            restart()
        }
        findViewById<Button>(R.id.take_scene).setOnClickListener { running?.takesScene = true }
        findViewById<Button>(R.id.allow).setOnClickListener { allow() }
        strip = LookStrip(findViewById(R.id.strip), Look.entries.filter { it.background != null }, ::tap)
        strip.chosen = chosen
        holder.addCallback(object : SurfaceHolder.Callback {
            override fun surfaceCreated(holder: SurfaceHolder) = synchronized(drawing) { hasSurface = true }
            override fun surfaceChanged(holder: SurfaceHolder, format: Int, width: Int, height: Int) = Unit

            /** Nothing may be drawn after this returns. */
            override fun surfaceDestroyed(holder: SurfaceHolder) = synchronized(drawing) { hasSurface = false }
        })
    }

    @Deprecated("the replacement is in AndroidX")
    override fun onRetainNonConfigurationInstance(): Any = kept

    override fun onDestroy() {
        if (!isChangingConfigurations) kept.close()
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
        if (backgroundUri == null) choose(Look.BLURRED) // none was chosen
    }

    /** Tapping the picture again chooses another one. */
    private fun tap(look: Look) {
        val isAgain = look == chosen
        choose(look)
        if (look == Look.PICTURE && (isAgain || backgroundUri == null) && !pickPicture(PICTURE)) message.setText(R.string.no_chooser)
    }

    private fun choose(look: Look) {
        chosen = look
        strip.chosen = look
        running?.background = checkNotNull(look.background)
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
            val intent = Intent(ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null))
            if (!start(intent, SETTINGS)) message.setText(R.string.no_chooser)
        }
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

    /** What survives screen rotation and another app in front. The model and the scenes belong to the thread. */
    private class Kept {
        val thread = HandlerThread("camera").apply { start() }
        private var opened: Pair<MattingModel, String?>? = null
        private var openedFor: Any? = null

        /** Pictures of the empty scene by camera and turn. */
        val scenes = mutableMapOf<Any, IntArray>()

        fun model(context: Context, name: String, settings: Settings): Pair<MattingModel, String?> {
            val wanted = name to settings.usesGpu
            opened?.takeIf { openedFor == wanted }?.let { return it }
            opened?.first?.close()
            opened = null
            scenes.clear()
            return Models(context).open(name, settings).also {
                opened = it
                openedFor = name to settings.usesGpu
            }
        }

        fun close() {
            Handler(thread.looper).post { opened?.first?.close() }
            thread.quitSafely()
        }
    }

    /** State from onResume to onPause. */
    private inner class Running {
        private val handler = Handler(kept.thread.looper)
        private val feed = CameraFeed(this@CameraActivity, handler, ::frame) {
            say(getString(R.string.camera_failed, it))
        }

        // Set on the main thread.
        @Volatile var background = checkNotNull(chosen.background)
        @Volatile var smooths = settings.smooths
        @Volatile var takesScene = false
        @Volatile var displayDegrees = displayDegrees()
        private val backgroundUri = this@CameraActivity.backgroundUri

        // Used on the camera thread only.
        private var model: MattingModel? = null
        private var warning: String? = null
        private var problem: String? = null // with the picture behind
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
                model = null
            }
        }

        private fun begin() {
            if (isStopped) return
            val name = Models(this@CameraActivity).current(settings) ?: return say(getString(R.string.no_models))
            try {
                val (opened, problem) = kept.model(this@CameraActivity, name, settings)
                model = opened
                warning = problem
            } catch (error: UnusableFile) {
                return say(sentence(error.reason))
            } catch (error: IOException) {
                return say(error.message ?: "")
            } catch (_: OutOfMemoryError) {
                return say(getString(R.string.no_memory_model, name))
            }
            if (isStopped) return // left meanwhile: nobody would see the camera's pictures
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
                if (takes) live.matter.scene?.let { kept.scenes[live.key] = it }
                draw(live)
                tell(ready, model, (SystemClock.elapsedRealtimeNanos() - start) / 1e6)
            } catch (error: UnusableFile) { // a GPU may fail even after it accepted the model
                isStopped = true
                say(sentence(error.reason))
            } catch (_: OutOfMemoryError) {
                isStopped = true
                say(getString(R.string.no_memory))
            }
        }

        private fun begin(model: MattingModel, image: Image, planes: Array<Image.Plane>, turn: Int): Live {
            val frame = CameraFrame(image.width, image.height, turn, feed.isFront)
            val matter = FrameMatter(model, frame, planes.map { YuvPlane(it.rowStride, it.pixelStride, it.buffer.capacity()) })
            val key = listOf(feed.isFront, turn, image.width, image.height)
            matter.scene = kept.scenes[key]
            return Live(key, matter, readPicture(matter.width, matter.height)).also { live = it }
        }

        private fun readPicture(width: Int, height: Int): IntArray? {
            val small = try {
                Photo(this@CameraActivity, backgroundUri ?: return null).small(width * height * 2)
            } catch (error: IOException) {
                problem = error.message
                return null
            }
            return cover(pixelsOf(small), small.width, small.height, width, height)
        }

        private fun draw(live: Live) {
            live.bitmap.setPixels(live.matter.shown, 0, live.matter.width, 0, 0, live.matter.width, live.matter.height)
            synchronized(drawing) {
                if (!hasSurface) return
                val canvas = holder.lockHardwareCanvas() ?: return
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
            say(listOfNotNull(if (ready) time else getString(R.string.take_scene_hint), warning, problem).joinToString("\n"))
        }

        private fun say(text: String) = runOnUiThread { if (running === this) message.text = text }
    }

    /** Buffers for frames of one size and rotation. */
    private class Live(val key: Any, val matter: FrameMatter, val picture: IntArray?) {
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

package org.kerasmatting.demo

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.util.Size
import kotlin.math.abs

/**
 * Delivers one camera's frames (YUV_420_888) on the thread of [handler]. Frames that arrive while one is being
 * processed are dropped, never queued. All methods must be called on that thread.
 */
class CameraFeed(
    private val context: Context,
    private val handler: Handler,
    private val onFrame: (Image) -> Unit,
    private val onProblem: (String) -> Unit,
) {
    private val manager = context.getSystemService(CameraManager::class.java)
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null
    private var isClosed = false

    var isFront = false
        private set
    var sensorDegrees = 0
        private set

    /** Opens the front or back camera, or any other one if it is missing. Returns false if there is none. */
    @SuppressLint("MissingPermission") // requested by the activity; a SecurityException is caught anyway
    fun open(front: Boolean): Boolean {
        try {
            val wanted = if (front) CameraCharacteristics.LENS_FACING_FRONT else CameraCharacteristics.LENS_FACING_BACK
            val cameras = manager.cameraIdList
            val id = cameras.find { manager.getCameraCharacteristics(it)[CameraCharacteristics.LENS_FACING] == wanted }
                ?: cameras.firstOrNull()
                ?: return false
            val facts = manager.getCameraCharacteristics(id)
            isFront = facts[CameraCharacteristics.LENS_FACING] == CameraCharacteristics.LENS_FACING_FRONT
            sensorDegrees = facts[CameraCharacteristics.SENSOR_ORIENTATION] ?: 0
            val sizes = facts[CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP]?.getOutputSizes(ImageFormat.YUV_420_888)
            val size = sizes?.minByOrNull(::distance) ?: return false
            // Two images: one is processed while the other is filled.
            reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2).apply {
                setOnImageAvailableListener({ frame(it) }, handler)
            }
            manager.openCamera(id, callback, handler)
        } catch (error: CameraAccessException) {
            onProblem(error.message ?: context.getString(R.string.camera_in_use))
        } catch (error: SecurityException) {
            onProblem(error.message ?: context.getString(R.string.camera_not_allowed))
        } catch (error: IllegalArgumentException) { // unplugged between two calls
            onProblem(error.message ?: context.getString(R.string.camera_disconnected))
        }
        return true
    }

    fun close() {
        isClosed = true
        device?.close()
        device = null
        reader?.close()
        reader = null
    }

    private fun distance(size: Size) = abs(size.width - WIDTH) + abs(size.height - HEIGHT)

    private fun frame(reader: ImageReader) {
        if (isClosed) return
        val image = reader.acquireLatestImage() ?: return
        try {
            onFrame(image)
        } finally {
            image.close()
        }
    }

    private val callback = object : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (isClosed) return camera.close()
            device = camera
            start(camera)
        }

        override fun onDisconnected(camera: CameraDevice) {
            camera.close()
            if (!isClosed) onProblem(context.getString(R.string.camera_taken))
        }

        override fun onError(camera: CameraDevice, error: Int) {
            camera.close()
            if (!isClosed) onProblem(context.getString(R.string.camera_error, error))
        }
    }

    @Suppress("DEPRECATION") // the replacement needs Android 9
    private fun start(camera: CameraDevice) {
        val surface = reader?.surface ?: return
        try {
            val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply { addTarget(surface) }.build()
            camera.createCaptureSession(listOf(surface), object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) {
                    try {
                        if (!isClosed) session.setRepeatingRequest(request, null, handler)
                    } catch (error: CameraAccessException) {
                        onProblem(error.message ?: context.getString(R.string.camera_in_use))
                    } catch (_: IllegalStateException) { // closed in the meantime
                    }
                }

                override fun onConfigureFailed(session: CameraCaptureSession) = onProblem(context.getString(R.string.camera_size))
            }, handler)
        } catch (error: CameraAccessException) {
            onProblem(error.message ?: context.getString(R.string.camera_in_use))
        } catch (_: IllegalStateException) { // closed in the meantime
        }
    }

    private companion object {
        const val WIDTH = 640
        const val HEIGHT = 480
    }
}

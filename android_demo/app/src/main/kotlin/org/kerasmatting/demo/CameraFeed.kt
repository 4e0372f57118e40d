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
 * One camera's frames, YUV_420_888, on the thread of [handler]. While one is worked on later ones are
 * dropped, never queued. Everything here runs on that thread.
 */
class CameraFeed(
    context: Context,
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

    /** The front or back camera, or whichever there is. False: there is none. */
    @SuppressLint("MissingPermission") // the activity asked; a SecurityException is caught all the same
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
            // Two: one that is worked on and one that is being filled.
            reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2).apply {
                setOnImageAvailableListener({ frame(it) }, handler)
            }
            manager.openCamera(id, callback, handler)
        } catch (error: CameraAccessException) {
            onProblem(error.message ?: "it is in use")
        } catch (error: SecurityException) {
            onProblem(error.message ?: "it is not allowed")
        } catch (error: IllegalArgumentException) { // it was unplugged between two calls
            onProblem(error.message ?: "it is gone")
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
            if (!isClosed) onProblem("another app took it")
        }

        override fun onError(camera: CameraDevice, error: Int) {
            camera.close()
            if (!isClosed) onProblem("it reports error $error")
        }
    }

    @Suppress("DEPRECATION") // its successor is there from Android 9 on
    private fun start(camera: CameraDevice) {
        val surface = reader?.surface ?: return
        try {
            val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply { addTarget(surface) }.build()
            camera.createCaptureSession(listOf(surface), object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) {
                    try {
                        if (!isClosed) session.setRepeatingRequest(request, null, handler)
                    } catch (error: CameraAccessException) {
                        onProblem(error.message ?: "it is in use")
                    } catch (_: IllegalStateException) { // closed meanwhile
                    }
                }

                override fun onConfigureFailed(session: CameraCaptureSession) = onProblem("it refuses this size")
            }, handler)
        } catch (error: CameraAccessException) {
            onProblem(error.message ?: "it is in use")
        } catch (_: IllegalStateException) { // closed meanwhile
        }
    }

    private companion object {
        const val WIDTH = 640
        const val HEIGHT = 480
    }
}

package org.kerasmatting.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.RectF
import android.os.Bundle
import android.util.AttributeSet
import android.view.GestureDetector
import android.view.KeyEvent
import android.view.MotionEvent
import android.view.ScaleGestureDetector
import android.view.View
import android.view.accessibility.AccessibilityEvent
import android.view.accessibility.AccessibilityNodeInfo
import android.view.accessibility.AccessibilityNodeInfo.AccessibilityAction
import android.view.accessibility.AccessibilityNodeInfo.RangeInfo
import android.widget.SeekBar
import kotlin.math.abs

/**
 * Two pictures of the same size, [before] to the left and [after] to the right of a divider that can be dragged, also
 * with arrow keys and TalkBack. Two fingers zoom and move the pictures; a double tap resets that.
 */
class CompareView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    var before: Bitmap? = null
        set(value) {
            if (value?.width != field?.width || value?.height != field?.height) reset()
            field = value
            invalidate()
        }

    var after: Bitmap? = null
        set(value) {
            field = value
            invalidate()
        }

    /** Position of the divider, as a share of the width of the pictures. */
    var share = 0.5f
        set(value) {
            field = value.coerceIn(0f, 1f)
            invalidate()
        }

    private var zoom = 1f
    private var shiftX = 0f
    private var shiftY = 0f
    private val density = resources.displayMetrics.density
    private val picture = RectF()
    private val paint = Paint(Paint.FILTER_BITMAP_FLAG)
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = 0xFFFFFFFF.toInt()
        strokeWidth = 2 * density
        setShadowLayer(3 * density, 0f, 0f, 0x80000000.toInt())
    }
    private val arrow = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = 0xFF202124.toInt()
        strokeWidth = 2 * density
        strokeCap = Paint.Cap.ROUND
    }
    private val checkers = context.getDrawable(R.drawable.checkerboard)!!

    private val scaling = ScaleGestureDetector(context, object : ScaleGestureDetector.SimpleOnScaleGestureListener() {
        private var x = 0f
        private var y = 0f

        override fun onScaleBegin(detector: ScaleGestureDetector): Boolean {
            x = detector.focusX
            y = detector.focusY
            return true
        }

        override fun onScale(detector: ScaleGestureDetector): Boolean {
            val factor = (zoom * detector.scaleFactor).coerceIn(1f, MOST_ZOOM) / zoom
            zoom *= factor
            shiftX = detector.focusX - width / 2f - (x - width / 2f - shiftX) * factor
            shiftY = detector.focusY - height / 2f - (y - height / 2f - shiftY) * factor
            x = detector.focusX
            y = detector.focusY
            invalidate()
            return true
        }
    })
    private val taps = GestureDetector(context, object : GestureDetector.SimpleOnGestureListener() {
        override fun onDown(event: MotionEvent) = true

        override fun onDoubleTap(event: MotionEvent): Boolean {
            reset()
            return true
        }
    })

    init {
        isFocusable = true
    }

    override fun onDraw(canvas: Canvas) {
        val left = before ?: return
        place(left)
        val right = after ?: return canvas.drawBitmap(left, null, picture, paint)
        val divider = picture.left + share * picture.width()
        canvas.save()
        canvas.clipRect(picture.left, picture.top, divider, picture.bottom)
        canvas.drawBitmap(left, null, picture, paint)
        canvas.restore()
        canvas.save()
        canvas.clipRect(divider, picture.top, picture.right, picture.bottom)
        checkers.setBounds(0, 0, width, height)
        if (right.hasAlpha()) checkers.draw(canvas)
        canvas.drawBitmap(right, null, picture, paint)
        canvas.restore()
        drawDivider(canvas, divider)
    }

    private fun drawDivider(canvas: Canvas, x: Float) {
        val top = maxOf(picture.top, 0f)
        val bottom = minOf(picture.bottom, height.toFloat())
        val y = (top + bottom) / 2
        val (radius, reach, head) = Triple(18 * density, 9 * density, 4 * density)
        canvas.drawLine(x, top, x, bottom, line)
        canvas.drawCircle(x, y, radius, line)
        for (side in listOf(-1, 1)) {
            canvas.drawLine(x + side * reach, y, x + side * (reach - head), y - head, arrow)
            canvas.drawLine(x + side * reach, y, x + side * (reach - head), y + head, arrow)
        }
    }

    private fun place(bitmap: Bitmap) {
        val scale = zoom * minOf(width.toFloat() / bitmap.width, height.toFloat() / bitmap.height)
        val (w, h) = scale * bitmap.width / 2 to scale * bitmap.height / 2
        val (spareX, spareY) = maxOf(0f, w - width / 2f) to maxOf(0f, h - height / 2f)
        shiftX = shiftX.coerceIn(-spareX, spareX)
        shiftY = shiftY.coerceIn(-spareY, spareY)
        val (x, y) = width / 2f + shiftX to height / 2f + shiftY
        picture.set(x - w, y - h, x + w, y + h)
    }

    private fun reset() {
        zoom = 1f
        shiftX = 0f
        shiftY = 0f
        invalidate()
    }

    private var drags = false

    override fun onTouchEvent(event: MotionEvent): Boolean {
        if (before == null) return false
        scaling.onTouchEvent(event)
        taps.onTouchEvent(event)
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> {
                val divider = picture.left + share * picture.width()
                drags = after != null && (zoom == 1f || abs(event.x - divider) < GRAB * density)
                parent.requestDisallowInterceptTouchEvent(true)
            }
            MotionEvent.ACTION_POINTER_DOWN -> drags = false
            MotionEvent.ACTION_MOVE -> if (drags) share = (event.x - picture.left) / picture.width()
            MotionEvent.ACTION_UP -> if (drags) performClick()
        }
        return true
    }

    override fun performClick(): Boolean {
        super.performClick()
        return true
    }

    override fun onKeyDown(code: Int, event: KeyEvent?): Boolean {
        when (code) {
            KeyEvent.KEYCODE_DPAD_LEFT -> share -= STEP
            KeyEvent.KEYCODE_DPAD_RIGHT -> share += STEP
            else -> return super.onKeyDown(code, event)
        }
        return true
    }

    override fun onInitializeAccessibilityNodeInfo(info: AccessibilityNodeInfo) {
        super.onInitializeAccessibilityNodeInfo(info)
        if (after == null) return
        info.className = SeekBar::class.java.name
        @Suppress("DEPRECATION") // the replacement needs Android 11
        info.rangeInfo = RangeInfo.obtain(RangeInfo.RANGE_TYPE_PERCENT, 0f, 100f, 100 * share)
        info.addAction(AccessibilityAction.ACTION_SCROLL_FORWARD)
        info.addAction(AccessibilityAction.ACTION_SCROLL_BACKWARD)
    }

    override fun performAccessibilityAction(action: Int, arguments: Bundle?): Boolean {
        when (action) {
            AccessibilityNodeInfo.ACTION_SCROLL_FORWARD -> share += STEP
            AccessibilityNodeInfo.ACTION_SCROLL_BACKWARD -> share -= STEP
            else -> return super.performAccessibilityAction(action, arguments)
        }
        sendAccessibilityEvent(AccessibilityEvent.TYPE_VIEW_SELECTED)
        return true
    }

    private companion object {
        const val MOST_ZOOM = 8f
        const val STEP = 0.1f
        const val GRAB = 32
    }
}

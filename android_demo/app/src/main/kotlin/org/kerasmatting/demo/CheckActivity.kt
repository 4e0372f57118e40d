package org.kerasmatting.demo

import android.app.Activity
import android.content.Intent
import android.graphics.Typeface
import android.os.Build
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.Gravity
import android.view.View
import android.view.WindowManager
import android.widget.Button
import android.widget.TableLayout
import android.widget.TableRow
import android.widget.TextView
import java.util.Locale
import java.util.concurrent.atomic.AtomicBoolean

/** Checks that the models give the same results on this phone as in Python, and how fast they are. */
class CheckActivity : Activity() {
    private lateinit var work: Work

    /** Continues across screen rotation; results and listener belong to the main thread. */
    private class Work(activity: CheckActivity) {
        private val context = activity.applicationContext
        private val main = Handler(Looper.getMainLooper())
        private val isCancelled = AtomicBoolean()
        val results = mutableListOf<CheckResult>()
        var isDone = false
            private set
        var onChange = {}

        init {
            Thread({ run() }, "check").start()
        }

        fun cancel() = isCancelled.set(true)

        private fun run() {
            try {
                runCheck(context) { result ->
                    if (isCancelled.get()) throw InterruptedException()
                    main.post {
                        results += result
                        onChange()
                    }
                }
            } catch (_: InterruptedException) {
                return
            }
            main.post {
                isDone = true
                onChange()
            }
        }
    }

    @Suppress("DEPRECATION") // the replacement is in AndroidX
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.check)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        work = lastNonConfigurationInstance as Work? ?: Work(this)
        work.onChange = ::draw
        findViewById<View>(R.id.back).setOnClickListener { finish() }
        findViewById<View>(R.id.share).setOnClickListener { share() }
        findViewById<Button>(R.id.run).setOnClickListener {
            work = Work(this).also { it.onChange = ::draw }
            draw()
        }
        draw()
    }

    @Deprecated("the replacement is in AndroidX")
    override fun onRetainNonConfigurationInstance(): Any = work

    override fun onDestroy() {
        work.onChange = {}
        if (!isChangingConfigurations) work.cancel()
        super.onDestroy()
    }

    private fun draw() {
        val (absent, present) = work.results.partition { it.isAbsent }
        val failed = present.count { !it.passed && !it.isRefused }
        val refused = present.count { it.isRefused }
        val fellBack = present.count { it.notice != null }
        findViewById<Button>(R.id.run).isEnabled = work.isDone
        findViewById<View>(R.id.share).isEnabled = work.isDone && work.results.isNotEmpty()
        findViewById<View>(R.id.progress).visibility = if (work.isDone) View.INVISIBLE else View.VISIBLE
        findViewById<TextView>(R.id.verdict).apply {
            text = when {
                !work.isDone -> getString(R.string.check_running)
                work.results.isEmpty() -> getString(R.string.check_empty)
                failed > 0 -> getString(R.string.check_failed, failed, present.size)
                else -> getString(R.string.check_passed)
            }
            val colour = if (!work.isDone) R.color.text else if (failed + refused + fellBack > 0) R.color.bad else R.color.good
            setTextColor(getColor(colour))
        }
        findViewById<TextView>(R.id.remarks).apply {
            text = listOfNotNull(
                getString(R.string.check_refused, refused).takeIf { refused > 0 },
                getString(R.string.check_fell_back, fellBack).takeIf { fellBack > 0 },
                absent.firstOrNull()?.problem,
            ).joinToString("\n")
            visibility = if (text.isEmpty()) View.GONE else View.VISIBLE
        }
        val table = findViewById<TableLayout>(R.id.rows)
        table.removeAllViews()
        for ((file, results) in work.results.groupBy { it.file }) {
            table.addView(heading(file))
            table.addView(row(HEADER.map { getString(it) }, R.color.faint, R.color.faint))
            for (result in results) add(table, result)
        }
    }

    private fun add(table: TableLayout, result: CheckResult) {
        val worst = result.comparisons.maxByOrNull { it.found / it.limit }
        val (verdict, colour) = when {
            result.isAbsent -> R.string.absent to R.color.faint
            result.isRefused -> R.string.not_run to R.color.bad
            result.passed -> R.string.passed to if (result.notice == null) R.color.good else R.color.bad
            else -> R.string.failed to R.color.bad
        }
        val cells = listOf(
            result.processor,
            worst?.let { format("%.1e", it.found) } ?: "\u2013",
            worst?.let { format("%.1e", it.limit) } ?: "\u2013",
            result.latency?.let { format("%.1f", it.median) } ?: "\u2013",
            getString(verdict),
        )
        table.addView(row(cells, if (result.isAbsent) R.color.faint else R.color.text, colour))
        val remarks = listOfNotNull(result.notice, result.note, result.problem.takeIf { !result.isAbsent })
        if (remarks.isNotEmpty()) table.addView(text(remarks.joinToString("\n"), colour))
    }

    private fun heading(file: String) = text(file, R.color.text).apply {
        setTypeface(typeface, Typeface.BOLD)
        setPadding(0, dp(20), 0, dp(4))
        isAccessibilityHeading(this)
    }

    private fun isAccessibilityHeading(view: View) {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) view.isAccessibilityHeading = true
    }

    private fun row(cells: List<String>, colour: Int, lastColour: Int) = TableRow(this).apply {
        for ((i, cell) in cells.withIndex()) {
            val view = text(cell, if (i == cells.lastIndex) lastColour else colour)
            view.gravity = if (i == 0) Gravity.START else Gravity.END
            addView(view)
        }
        contentDescription = cells.zip(HEADER) { cell, title -> "${getString(title)} $cell" }.joinToString()
    }

    private fun text(text: String, colour: Int) = TextView(this).apply {
        this.text = text
        textSize = 14f
        setTextColor(getColor(colour))
        setPadding(0, dp(6), dp(6), dp(6))
    }

    private fun dp(value: Int) = (value * resources.displayMetrics.density).toInt()

    private fun share() {
        val phone = "${Build.MANUFACTURER} ${Build.MODEL}, Android ${Build.VERSION.RELEASE}"
        val text = work.results.joinToString("\n\n", "$phone\n\n", transform = ::describe)
        startActivity(Intent.createChooser(Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, text), null))
    }

    private companion object {
        val HEADER = listOf(R.string.column_runtime, R.string.column_difference, R.string.column_limit, R.string.column_time, R.string.column_verdict)
    }
}

private fun format(pattern: String, value: Double) = String.format(Locale.ROOT, pattern, value)

/** Formats one result as several lines of a report, in English as its numbers. */
fun describe(result: CheckResult): String {
    val lines = mutableListOf("${if (result.passed) "passed" else "FAILED"}: ${result.file}, ${result.processor}")
    if (result.isRefused || result.isAbsent) lines[0] = "NOT RUN: ${result.file}, ${result.processor}"
    for (found in result.comparisons) {
        lines += String.format(
            Locale.ROOT, "  %s: %s %.2g, limit %.2g, largest difference %.2g",
            found.reference, found.number, found.found, found.limit, found.largest,
        )
    }
    result.latency?.let {
        lines += String.format(Locale.ROOT, "  median %.1f ms, 90th percentile %.1f ms", it.median, it.p90)
    }
    result.notice?.let { lines += "  $it" }
    result.note?.let { lines += "  $it" }
    result.problem?.let { lines += "  $it" }
    return lines.joinToString("\n")
}

package org.kerasmatting.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.Spinner
import android.widget.Switch
import android.widget.TextView
import java.io.IOException
import java.util.concurrent.Executors
import org.kerasmatting.matting.UnusableFile

/** Lets the user choose a model, describes it and opens the other screens. */
class MainActivity : Activity() {
    private val worker = Executors.newSingleThreadExecutor()
    private val settings by lazy { Settings(this) }
    private val models by lazy { Models(this) }
    private val description by lazy { findViewById<TextView>(R.id.description) }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
        open(R.id.photo, PhotoActivity::class.java)
        open(R.id.camera, CameraActivity::class.java)
        open(R.id.check, CheckActivity::class.java)
        findViewById<Button>(R.id.pick_model).setOnClickListener { pick() }
        findViewById<Switch>(R.id.gpu).apply {
            isChecked = settings.usesGpu
            setOnCheckedChangeListener { _, checked ->
                settings.usesGpu = checked
                describe()
            }
        }
        findViewById<Spinner>(R.id.models).onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
            override fun onItemSelected(list: AdapterView<*>, row: View?, position: Int, id: Long) {
                settings.model = list.getItemAtPosition(position) as String
                describe()
            }

            override fun onNothingSelected(list: AdapterView<*>) = Unit
        }
        list()
    }

    override fun onDestroy() {
        worker.shutdown()
        super.onDestroy()
    }

    private fun open(button: Int, screen: Class<*>) =
        findViewById<Button>(button).setOnClickListener { startActivity(Intent(this, screen)) }

    private fun list() {
        val names = models.names()
        val current = models.current(settings)
        for (button in listOf(R.id.photo, R.id.camera)) findViewById<Button>(button).isEnabled = current != null
        findViewById<Spinner>(R.id.models).apply {
            adapter = ArrayAdapter(this@MainActivity, android.R.layout.simple_spinner_dropdown_item, names)
            current?.let { setSelection(names.indexOf(it)) }
        }
        if (current == null) description.setText(R.string.no_models)
    }

    /** Opens the file once, so that its problems are reported here and not on the next screen. */
    private fun describe() {
        val name = models.current(settings) ?: return
        val usesGpu = settings.usesGpu
        description.setText(R.string.working)
        worker.execute {
            val text = try {
                val (model, notice) = models.open(name, usesGpu)
                model.use {
                    val inputs = it.inputs.keys.joinToString(" + ")
                    val facts = "$inputs -> alpha, ${it.width} x ${it.height}, ${it.type}, ${it.processor.name}"
                    listOfNotNull(it.description, facts, notice).joinToString("\n")
                }
            } catch (error: UnusableFile) {
                error.message
            } catch (error: IOException) { // from the phone's storage
                error.message
            } catch (_: OutOfMemoryError) {
                getString(R.string.no_memory_model, name)
            }
            show { description.text = text }
        }
    }

    private fun pick() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*")
        try {
            startActivityForResult(intent, PICK)
        } catch (_: ActivityNotFoundException) {
            description.setText(R.string.no_chooser)
        }
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri: Uri = data?.data ?: return
        if (request != PICK || result != RESULT_OK) return
        description.setText(R.string.working)
        worker.execute {
            try {
                settings.model = models.add(uri)
                show { list() }
            } catch (error: UnusableFile) {
                show { description.text = error.message }
            } catch (error: IOException) {
                show { description.text = error.message }
            } catch (_: OutOfMemoryError) {
                show { description.text = getString(R.string.no_memory_model, uri.lastPathSegment) }
            }
        }
    }

    private fun show(change: () -> Unit) = runOnUiThread { if (!isDestroyed) change() }

    private companion object {
        const val PICK = 1
    }
}

package org.kerasmatting.demo

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.ImageView
import android.widget.Spinner
import android.widget.Switch
import android.widget.TextView
import java.io.IOException
import java.util.concurrent.Executors
import org.kerasmatting.matting.UnusableFile

/** Opens the other screens, and lets the user choose the network and where it runs. */
class MainActivity : Activity() {
    private val worker = Executors.newSingleThreadExecutor()
    private val settings by lazy { Settings(this) }
    private val models by lazy { Models(this) }
    private val description by lazy { findViewById<TextView>(R.id.description) }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
        findViewById<ImageView>(R.id.sample).clipToOutline = true
        for (id in listOf(R.id.sample, R.id.try_sample)) {
            findViewById<View>(id).setOnClickListener { startActivity(Intent(this, PhotoActivity::class.java).setData(SAMPLE)) }
        }
        findViewById<View>(R.id.photo).setOnClickListener { if (!pickPicture(PHOTO)) description.setText(R.string.no_chooser) }
        open(R.id.camera, CameraActivity::class.java)
        open(R.id.check, CheckActivity::class.java)
        findViewById<Button>(R.id.pick_model).setOnClickListener { pick() }
        findViewById<Button>(R.id.delete_model).setOnClickListener { delete() }
        findViewById<Switch>(R.id.gpu).setOnCheckedChangeListener { _, checked ->
            if (checked == settings.usesGpu) return@setOnCheckedChangeListener
            settings.usesGpu = checked
            describe()
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

    override fun onResume() {
        super.onResume()
        findViewById<Switch>(R.id.gpu).isChecked = settings.usesGpu
    }

    override fun onDestroy() {
        worker.shutdown()
        super.onDestroy()
    }

    private fun open(button: Int, screen: Class<*>) =
        findViewById<View>(button).setOnClickListener { startActivity(Intent(this, screen)) }

    private fun list() {
        val names = models.names()
        val current = models.current(settings)
        for (id in listOf(R.id.try_sample, R.id.photo, R.id.camera)) findViewById<View>(id).isEnabled = current != null
        findViewById<Spinner>(R.id.models).apply {
            adapter = ArrayAdapter(this@MainActivity, android.R.layout.simple_spinner_dropdown_item, names)
            current?.let { setSelection(names.indexOf(it)) }
        }
        if (current == null) description.setText(R.string.no_models)
    }

    /** Opens the file once, so that its problems are reported here and not on the next screen. */
    private fun describe() {
        val name = models.current(settings) ?: return
        findViewById<View>(R.id.delete_model).visibility = if (name in models.picked()) View.VISIBLE else View.GONE
        description.setText(R.string.working)
        worker.execute {
            val text = try {
                val (model, warning) = models.open(name, settings)
                model.use {
                    val inputs = it.inputs.keys.joinToString(" + ")
                    val facts = getString(R.string.model_facts, inputs, it.width, it.height, it.type.toString(), it.processor.name)
                    listOfNotNull(facts, warning).joinToString("\n")
                }
            } catch (error: UnusableFile) {
                sentence(error.reason)
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
        if (!start(intent, PICK)) description.setText(R.string.no_chooser)
    }

    private fun delete() {
        models.current(settings)?.let(models::delete)
        settings.model = null
        list()
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri: Uri = data?.data ?: return
        if (result != RESULT_OK) return
        if (request == PHOTO) startActivity(Intent(this, PhotoActivity::class.java).setData(uri).addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION))
        if (request == PICK) add(uri)
    }

    private fun add(uri: Uri) {
        description.setText(R.string.working)
        worker.execute {
            try {
                settings.model = models.add(uri)
                show { list() }
            } catch (error: UnusableFile) {
                show { description.text = sentence(error.reason) }
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
        const val PHOTO = 2
    }
}

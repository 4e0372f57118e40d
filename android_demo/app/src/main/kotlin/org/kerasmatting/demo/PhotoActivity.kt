package org.kerasmatting.demo

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.provider.MediaStore
import android.view.View
import android.widget.AdapterView
import android.widget.Button
import android.widget.ImageView
import android.widget.RadioGroup
import android.widget.Spinner
import android.widget.TextView
import org.kerasmatting.matting.Background

/** Shows a photo, its alpha, its cut-out or a new background, and saves the cut-out at full resolution. */
class PhotoActivity : Activity() {
    private lateinit var session: PhotoSession
    private val views = mapOf(
        R.id.view_image to PhotoView.IMAGE,
        R.id.view_alpha to PhotoView.ALPHA,
        R.id.view_cut_out to PhotoView.CUT_OUT,
        R.id.view_composed to PhotoView.COMPOSED,
    )

    @Suppress("DEPRECATION") // the replacement is in AndroidX
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.photo)
        val kept = lastNonConfigurationInstance as PhotoSession?
        session = kept ?: PhotoSession(this)
        if (kept == null && state != null) restore(state)

        findViewById<Button>(R.id.choose).setOnClickListener { pick(PICTURE) }
        findViewById<Button>(R.id.choose_extra).setOnClickListener { pick(EXTRA) }
        findViewById<Button>(R.id.save).setOnClickListener { save() }
        findViewById<RadioGroup>(R.id.views).apply {
            check(views.entries.first { it.value == session.view }.key)
            setOnCheckedChangeListener { _, id -> session.show(views.getValue(id), session.background) }
        }
        findViewById<Spinner>(R.id.backgrounds).apply {
            setSelection(session.background.ordinal, false)
            onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
                override fun onItemSelected(list: AdapterView<*>, row: View?, position: Int, id: Long) {
                    val chosen = Background.entries[position]
                    if (chosen == session.background) return
                    session.show(session.view, chosen)
                    if (chosen == Background.PICTURE) pick(BACKGROUND)
                }

                override fun onNothingSelected(list: AdapterView<*>) = Unit
            }
        }
        session.onChange = ::draw
        draw(session.state)
    }

    @Deprecated("the replacement is in AndroidX")
    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putInt(VIEW, session.view.ordinal)
        state.putInt(COLOUR, session.background.ordinal)
        state.putString(URI, session.uri?.toString())
        state.putString(EXTRA_URI, session.extraUri?.toString())
        state.putString(BACKGROUND_URI, session.backgroundUri?.toString())
    }

    /** Restores the screen after the process was killed in the background. */
    private fun restore(state: Bundle) {
        fun uri(key: String) = state.getString(key)?.let(Uri::parse)
        uri(BACKGROUND_URI)?.let(session::chooseBackground)
        session.show(PhotoView.entries[state.getInt(VIEW)], Background.entries[state.getInt(COLOUR)])
        uri(URI)?.let(session::choose)
        uri(EXTRA_URI)?.let(session::chooseExtra)
    }

    override fun onDestroy() {
        session.onChange = {}
        if (!isChangingConfigurations) session.close()
        super.onDestroy()
    }

    private fun draw(state: PhotoSession.State) {
        findViewById<View>(R.id.progress).visibility = if (state.isBusy) View.VISIBLE else View.GONE
        findViewById<TextView>(R.id.message).apply {
            text = state.message ?: if (session.uri == null) getString(R.string.no_picture) else ""
        }
        findViewById<ImageView>(R.id.picture).setImageBitmap(state.shown)
        findViewById<Button>(R.id.save).isEnabled = state.canSave
        findViewById<Button>(R.id.choose_extra).apply {
            visibility = if (state.extra == null) View.GONE else View.VISIBLE
            isEnabled = state.shown != null
            setText(if (state.extra == "trimap") R.string.choose_trimap else R.string.choose_scene)
        }
    }

    private fun pick(request: Int) {
        val intent = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            Intent(MediaStore.ACTION_PICK_IMAGES)
        } else {
            Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
        }
        start(intent.setType("image/*"), request)
    }

    private fun save() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) return session.save()
        // Before Android 10, saving to the gallery needs a storage permission; saving a document does not.
        val intent = Intent(Intent.ACTION_CREATE_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
        start(intent.setType("image/png").putExtra(Intent.EXTRA_TITLE, "matting.png"), SAVE)
    }

    private fun start(intent: Intent, request: Int) = try {
        startActivityForResult(intent, request)
    } catch (_: ActivityNotFoundException) {
        findViewById<TextView>(R.id.message).setText(R.string.no_chooser)
    }

    /** There is no URI if the user cancelled or the gallery was empty. */
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data?.takeIf { result == RESULT_OK }
        if (uri == null) {
            if (request == BACKGROUND && session.backgroundUri == null) { // none was chosen
                session.show(session.view, Background.WHITE)
                findViewById<Spinner>(R.id.backgrounds).setSelection(Background.WHITE.ordinal)
            }
            return
        }
        when (request) {
            PICTURE -> session.choose(uri)
            EXTRA -> session.chooseExtra(uri)
            BACKGROUND -> session.chooseBackground(uri)
            SAVE -> session.save(uri)
        }
    }

    private companion object {
        const val PICTURE = 1
        const val EXTRA = 2
        const val BACKGROUND = 3
        const val SAVE = 4
        const val VIEW = "view"
        const val COLOUR = "colour"
        const val URI = "uri"
        const val EXTRA_URI = "extra_uri"
        const val BACKGROUND_URI = "background_uri"
    }
}

package org.kerasmatting.demo

import android.app.Activity
import android.content.ClipData
import android.content.ClipboardManager
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.ImageButton
import android.widget.TextView

/** Shows a photo beside its cut-out or a new background, and saves or shares the result at full resolution. */
class PhotoActivity : Activity() {
    private lateinit var session: PhotoSession
    private lateinit var strip: LookStrip
    private val compare by lazy { findViewById<CompareView>(R.id.picture) }

    @Suppress("DEPRECATION") // the replacement is in AndroidX
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.photo)
        val kept = lastNonConfigurationInstance as PhotoSession?
        session = kept ?: PhotoSession(this)
        strip = LookStrip(findViewById(R.id.strip), Look.entries, ::tap)
        state?.let { compare.share = it.getFloat(SHARE) }
        if (kept == null && state != null) restore(state)
        if (state == null) intent.data?.let(session::choose)

        findViewById<ImageButton>(R.id.back).setOnClickListener { finish() }
        findViewById<ImageButton>(R.id.choose).setOnClickListener { pick(PICTURE) }
        findViewById<ImageButton>(R.id.copy).setOnClickListener { whenSaved(::copy) }
        findViewById<ImageButton>(R.id.share).setOnClickListener { whenSaved(::share) }
        findViewById<Button>(R.id.main).setOnClickListener { act() }
        session.onChange = ::draw
        draw(session.state)
    }

    @Deprecated("the replacement is in AndroidX")
    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putInt(LOOK, session.look.ordinal)
        state.putFloat(SHARE, compare.share)
        state.putString(URI, session.uri?.toString())
        state.putString(EXTRA_URI, session.extraUri?.toString())
        state.putString(BACKGROUND_URI, session.backgroundUri?.toString())
    }

    /** Restores the screen after the process was killed in the background. */
    private fun restore(state: Bundle) {
        fun uri(key: String) = state.getString(key)?.let(Uri::parse)
        uri(BACKGROUND_URI)?.let(session::chooseBackground)
        session.show(Look.entries[state.getInt(LOOK)])
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
        findViewById<View>(R.id.empty).visibility = if (state.photo == null && !state.isBusy) View.VISIBLE else View.GONE
        findViewById<TextView>(R.id.message).text = listOfNotNull(state.message, state.warning).joinToString("\n")
        compare.before = state.photo
        compare.after = state.result
        compare.contentDescription = getString(if (state.result == null) R.string.photo else R.string.compare)
        strip.chosen = session.look
        findViewById<View>(R.id.strip_scroll).visibility = if (state.result == null) View.INVISIBLE else View.VISIBLE
        for (id in listOf(R.id.copy, R.id.share)) findViewById<View>(id).isEnabled = canSave(state)
        findViewById<Button>(R.id.main).apply {
            isEnabled = !state.isBusy
            setText(
                when {
                    state.result != null -> if (state.saved == null) R.string.save else R.string.share
                    state.photo == null || state.extra == null -> R.string.choose_picture
                    state.extra == "trimap" -> R.string.choose_trimap
                    else -> R.string.choose_scene
                },
            )
        }
    }

    private fun canSave(state: PhotoSession.State) = !state.isBusy && state.result != null

    private fun act() {
        val state = session.state
        when {
            state.result != null -> if (state.saved == null) save() else whenSaved(::share)
            state.photo == null || state.extra == null -> pick(PICTURE)
            else -> pick(EXTRA)
        }
    }

    /** Tapping the picture again chooses another one. */
    private fun tap(look: Look) {
        val isAgain = look == session.look
        if (!isAgain) session.show(look)
        if (look == Look.PICTURE && (isAgain || session.backgroundUri == null)) pick(BACKGROUND)
    }

    private fun pick(request: Int) {
        if (!pickPicture(request)) say(R.string.no_chooser)
    }

    private fun save() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) return session.save()
        // Before Android 10, saving to the gallery needs a storage permission; saving a document does not.
        val intent = Intent(Intent.ACTION_CREATE_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE)
        if (!start(intent.setType("image/png").putExtra(Intent.EXTRA_TITLE, session.name()), SAVE)) say(R.string.no_chooser)
    }

    /** Saves the result first if it was not saved yet. */
    private fun whenSaved(use: (Uri) -> Unit) {
        val saved = session.state.saved
        if (saved != null) use(saved) else if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) session.save(done = use) else save()
    }

    private fun copy(uri: Uri) {
        getSystemService(ClipboardManager::class.java).setPrimaryClip(ClipData.newUri(contentResolver, session.name(), uri))
        say(R.string.copied)
    }

    private fun share(uri: Uri) {
        val intent = Intent(Intent.ACTION_SEND).setType("image/png").putExtra(Intent.EXTRA_STREAM, uri)
        startActivity(Intent.createChooser(intent.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION), null))
    }

    private fun say(text: Int) = findViewById<TextView>(R.id.message).setText(text)

    /** There is no URI if the user cancelled or the gallery was empty. */
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data?.takeIf { result == RESULT_OK }
        if (uri == null) {
            if (request == BACKGROUND && session.backgroundUri == null) session.show(Look.CUT_OUT) // none was chosen
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
        const val LOOK = "look"
        const val SHARE = "share"
        const val URI = "uri"
        const val EXTRA_URI = "extra_uri"
        const val BACKGROUND_URI = "background_uri"
    }
}

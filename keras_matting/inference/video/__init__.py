"""Videos: reading and writing by FFmpeg (PyAV), matting in threads, filters against flicker.

    from keras_matting.inference.video.matting import matte_video
    from keras_matting.inference.video.reading import open_video

    with open_video("talk.mp4") as video:
        matte_video(video, {"composite": "on_blue.mp4"}, model, background="blue")

`reading`, `writing` and `matting` need PyAV: pip install "keras_matting[video]".
"""

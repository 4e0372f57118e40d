"""A window that shows pictures as they come."""

import cv2

_SIDE = 960  # pixels


def open_window(title: str):
    """Return a `Window`, or None where Python has no Tk or there is no screen."""
    try:
        import tkinter
    except ImportError:
        return None
    try:
        return Window(tkinter.Tk(), title)
    except tkinter.TclError:
        return None


class Window:
    """Shows RGB pictures; `is_closed` turns True when the user closes the window."""

    def __init__(self, root, title):
        from tkinter import Label

        self.is_closed = False
        self._root, self._label = root, Label(root)
        self._label.pack()
        root.title(title)
        root.protocol("WM_DELETE_WINDOW", self.close)

    def show(self, picture):
        """Show a picture, uint8 (H, W, 3), made smaller where it is large."""
        from tkinter import PhotoImage

        if self.is_closed:
            return
        scale = min(1, _SIDE / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".ppm", small[..., ::-1])[1].tobytes()
        self._picture = PhotoImage(data=data, format="PPM")  # Tk holds no reference to it
        self._label.configure(image=self._picture)
        self._root.update()

    def close(self):
        if not self.is_closed:
            self.is_closed = True
            self._root.destroy()

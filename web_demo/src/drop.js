// Files dropped on the page.

/** Calls `given` with the first dropped file of a kind, "image" or "video"; outlines `stage` while something is dragged. */
export function takeDropped(stage, kind, given) {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    stage.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => stage.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("dropping");
    const file = [...event.dataTransfer.files].find(({ type }) => type.startsWith(`${kind}/`));
    if (file) given(file);
  });
}

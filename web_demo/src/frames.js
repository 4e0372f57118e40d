// The frames of a video file, one by one: found by seeking, so that none is lost however long each takes.

const UNKNOWN = 1e6 / 60; // microseconds, where a browser gives no duration
const BEYOND = 1000; // microseconds after a frame's end, where the next one is looked for
const TRIES = 12, PAUSE = 10; // until the picture sought is there; milliseconds

/** Yields {timestamp, duration} in microseconds of each frame, which the video (an element) shows then. */
export async function* framesOf(video) {
  const end = 1e6 * video.duration;
  for (let target = 0, last = null; target < end;) {
    const frame = await seek(video, target, last);
    if (last !== null && frame.timestamp <= last) {
      target += frame.duration / 2;
      continue;
    }
    last = frame.timestamp;
    yield frame;
    target = last + frame.duration + BEYOND;
  }
}

/** Shows the frame at a time in microseconds. */
export async function seek(video, time, last = null) {
  const seeked = new Promise((done, failed) => Object.assign(video, { onseeked: done, onerror: () => failed(new Error("The video cannot be read to its end.")) }));
  video.currentTime = time / 1e6;
  await seeked;
  // the event may come before the picture
  let frame = shown(video);
  for (let i = 0; i < TRIES && (!frame || frame.timestamp === last); i++) {
    await new Promise((done) => setTimeout(done, PAUSE));
    frame = shown(video);
  }
  if (!frame) throw new Error("The browser does not give the video's frames.");
  return frame;
}

function shown(video) {
  try {
    const frame = new VideoFrame(video), { timestamp, duration } = frame;
    frame.close();
    return { timestamp, duration: duration || UNKNOWN };
  } catch {
    return null;
  }
}

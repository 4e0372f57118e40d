// WebM files with one video track, with alpha as ffmpeg and browsers read it: a second stream of grey frames in
// BlockAdditions (https://www.webmproject.org/docs/container, AlphaMode).

const LONGEST = 30000; // milliseconds of a cluster; times inside have 16 bits

/**
 * Returns the parts of a WebM file. `frames` are {ms, duration, key, colours, alpha}: time and duration in whole milliseconds, whether both streams
 * have a key frame here, and the encoded bytes (Uint8Array); alpha is undefined in opaque videos. The first one is a key frame.
 */
export function webm({ codec, width, height, colourSpace = {}, frames }) {
  const last = frames.at(-1), transparent = Boolean(last.alpha);
  const head = element(0x1A45DFA3, number(0x4286, 1), number(0x42F7, 1), number(0x42F2, 4), number(0x42F3, 8), text(0x4282, "webm"),
    number(0x4287, 4), number(0x4285, 2));
  const info = element(0x1549A966, number(0x2AD7B1, 1e6), float(0x4489, last.ms + last.duration), text(0x4D80, "keras-matting"), text(0x5741, "keras-matting"));
  const video = element(0xE0, number(0xB0, width), number(0xBA, height), transparent ? number(0x53C0, 1) : [], colours(colourSpace));
  const track = element(0xAE, number(0xD7, 1), number(0x73C5, 1), number(0x83, 1), number(0x9C, 0), text(0x86, codec),
    transparent ? number(0x55EE, 1) : [], video);
  const tracks = element(0x1654AE6B, track), clusters = grouped(frames).map(cluster);
  const at = size(info) + size(tracks) + size(cues(clusters, 0)); // the size of the index does not depend on positions
  const index = cues(clusters, at);
  return [...head, ...element(0x18538067, info, tracks, index, ...clusters.map(({ bytes }) => bytes))];
}

/** Returns runs of frames that begin with a key frame and are short enough for a cluster. */
function grouped(frames) {
  const groups = [];
  for (const [i, frame] of frames.entries()) {
    if (!i || frame.key || frame.ms - groups.at(-1)[0].frame.ms > LONGEST) groups.push([]);
    groups.at(-1).push({ frame, before: frames[i - 1] });
  }
  return groups;
}

function cluster(group) {
  const start = group[0].frame.ms;
  const blocks = group.map(({ frame, before }) => {
    const time = frame.ms - start, block = element(0xA1, [Uint8Array.of(0x81, time >> 8, time & 255, 0), frame.colours]);
    const additions = frame.alpha ? element(0x75A1, element(0xA6, number(0xEE, 1), element(0xA5, [frame.alpha]))) : [];
    return element(0xA0, block, additions, number(0x9B, frame.duration), frame.key ? [] : signed(0xFB, before.ms - frame.ms));
  });
  return { start, key: group[0].frame.key, bytes: element(0x1F43B675, number(0xE7, start), ...blocks) };
}

/** Returns the index, with clusters from the segment's byte `at` on. */
function cues(clusters, at) {
  const points = [];
  for (const { start, key, bytes } of clusters) {
    if (key) points.push(element(0xBB, number(0xB3, start), element(0xB7, number(0xF7, 1), number(0xF1, at))));
    at += size(bytes);
  }
  return element(0x1C53BB6B, ...points);
}

/** Describes colours as WebCodecs names them, where it does. */
function colours({ matrix, primaries, transfer, fullRange }) {
  const names = { bt709: 1, bt470bg: 5, smpte170m: 6, "iec61966-2-1": 13 }, found = [];
  if (matrix in names) found.push(number(0x55B1, names[matrix]));
  if (matrix in names) found.push(number(0x55B9, fullRange ? 2 : 1));
  if (transfer in names) found.push(number(0x55BA, names[transfer]));
  if (primaries in names) found.push(number(0x55BB, names[primaries]));
  return found.length ? element(0x55B0, ...found) : [];
}

/** Returns the parts of an element: its id, its size in eight bytes, its contents. */
function element(id, ...contents) {
  const parts = contents.flat(), head = new DataView(new ArrayBuffer(12));
  const bytes = id > 0xFFFFFF ? 4 : id > 0xFFFF ? 3 : id > 0xFF ? 2 : 1;
  head.setUint32(0, id);
  head.setBigUint64(4, BigInt(size(parts)) | 1n << 56n);
  return [new Uint8Array(head.buffer, 4 - bytes), ...parts];
}

const size = (parts) => parts.reduce((sum, { length }) => sum + length, 0);

function number(id, value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value));
  return element(id, [new Uint8Array(view.buffer)]);
}

function signed(id, value) {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, value);
  return element(id, [new Uint8Array(view.buffer)]);
}

function float(id, value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return element(id, [new Uint8Array(view.buffer)]);
}

function text(id, value) {
  return element(id, [new TextEncoder().encode(value)]);
}

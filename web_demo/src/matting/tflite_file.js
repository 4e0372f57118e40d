// What a .tflite file says of itself: signature, sizes, types, metadata, checksum.

const TYPES = { 0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 7: "int16", 9: "int8" };
const MARKER = new TextEncoder().encode("keras_matting SHA-256: ");

/** A file cannot be used; the message tells the user why in one sentence. */
export class UnusableFile extends Error {}

/**
 * Reads a file (Uint8Array) called `name`.
 * Returns {name, inputs: {name: {type, shape}}, outputs, description, verified}. Throws UnusableFile.
 */
export async function readTflite(bytes, name) {
  if (bytes.length < 8 || String.fromCharCode(...bytes.subarray(4, 8)) !== "TFL3") throw new UnusableFile(`${name} is not a .tflite file.`);
  const verified = await hasChecksum(bytes, name);
  try {
    return { name, verified, ...contents(bytes, name) };
  } catch (error) {
    if (error instanceof UnusableFile) throw error;
    throw new UnusableFile(`${name} is damaged; copy or export it again.`, { cause: error });
  }
}

/** Returns the height and width of a file's image; throws UnusableFile if this page cannot run the file. */
export function usableSize({ name, inputs, outputs }) {
  const { image, ...others } = inputs;
  if (!image || !outputs.alpha) throw new UnusableFile(`${name} has no input image or no output alpha; export it with export.convert.`);
  const [extra] = Object.keys(others);
  if (extra) throw new UnusableFile(`${name} needs a ${extra} besides the photograph, which this page cannot give it; use the command line.`);
  const type = [image, outputs.alpha].find((end) => end.type !== "float32")?.type;
  if (type) throw new UnusableFile(`${name} has ${type} inputs or outputs, which browsers do not run; export it as int8_float_ends or float16.`);
  const [batch, height, width, channels] = image.shape;
  if (batch !== 1 || channels !== 3 || !(height > 0 && width > 0)) throw new UnusableFile(`${name} takes an image of shape ${image.shape.join("x")} instead of 1xHxWx3; export it again.`);
  return { height, width };
}

async function hasChecksum(bytes, name) {
  const at = indexOf(bytes, MARKER);
  if (at < 0) return false;
  const start = at + MARKER.length, blank = bytes.slice();
  blank.fill(0, start, start + 32);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blank));
  if (digest.some((byte, i) => byte !== bytes[start + i])) throw new UnusableFile(`${name} is damaged: its checksum does not match; copy or export it again.`);
  return true;
}

function indexOf(bytes, part) {
  for (let at = bytes.indexOf(part[0]); at >= 0; at = bytes.indexOf(part[0], at + 1)) {
    if (part.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

// Slots of Model, SignatureDef, TensorMap, SubGraph, Tensor, Metadata and Buffer in TFLite's schema.
function contents(bytes, name) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const model = new Table(view, view.getUint32(0, true)), signatures = model.tables(7);
  if (signatures.length !== 1) throw new UnusableFile(`${name} has ${signatures.length} signatures instead of one; export it with export.convert.`);
  const tensors = model.tables(2)[signatures[0].int(4)].tables(0);
  const ends = (slot) => Object.fromEntries(signatures[0].tables(slot).map((end) => {
    const tensor = tensors[end.int(1)];
    return [end.text(0), { type: TYPES[tensor.byte(1)] ?? "unknown", shape: tensor.ints(0) }];
  }));
  const metadata = model.tables(6).find((entry) => entry.text(0) === "TFLITE_METADATA");
  const description = metadata && model.tables(4)[metadata.int(1)].root(0)?.text(1);
  return { inputs: ends(0), outputs: ends(1), description: description ?? "" };
}

/** A FlatBuffers table; fields are addressed by slot, absent ones are 0, "" or []. */
class Table {
  constructor(view, position) {
    Object.assign(this, { view, position, fields: position - view.getInt32(position, true) });
  }

  field(slot) {
    const entry = 4 + 2 * slot;
    if (entry >= this.view.getUint16(this.fields, true)) return 0;
    const offset = this.view.getUint16(this.fields + entry, true);
    return offset && this.position + offset;
  }

  byte(slot) {
    return this.field(slot) && this.view.getUint8(this.field(slot));
  }

  int(slot) {
    return this.field(slot) && this.view.getUint32(this.field(slot), true);
  }

  target(slot) {
    return this.field(slot) && this.field(slot) + this.view.getUint32(this.field(slot), true);
  }

  text(slot) {
    const start = this.target(slot);
    if (!start) return "";
    const length = this.view.getUint32(start, true);
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + start + 4, length));
  }

  ints(slot) {
    const start = this.target(slot);
    if (!start) return [];
    return Array.from({ length: this.view.getUint32(start, true) }, (_, i) => this.view.getInt32(start + 4 + 4 * i, true));
  }

  tables(slot) {
    const start = this.target(slot);
    if (!start) return [];
    const count = this.view.getUint32(start, true);
    if (count > this.view.byteLength / 4) throw new RangeError("not a vector");
    return Array.from({ length: count }, (_, i) => {
      const at = start + 4 + 4 * i;
      return new Table(this.view, at + this.view.getUint32(at, true));
    });
  }

  /** The root of the FlatBuffer nested in a vector of bytes. */
  root(slot) {
    const start = this.target(slot);
    return start ? new Table(this.view, start + 4 + this.view.getUint32(start + 4, true)) : null;
  }
}

// A PNG of straight alpha: a canvas would multiply colours by alpha and lose them where alpha is small.

const CRC = Uint32Array.from({ length: 256 }, (_, i) => {
  for (let k = 0; k < 8; k++) i = i & 1 ? 0xedb88320 ^ (i >>> 1) : i >>> 1;
  return i;
});

/** Returns a Blob; `rgba` is bytes (height, width, 4). */
export async function png(rgba, height, width) {
  const line = 4 * width, filtered = new Uint8Array(height * (line + 1));
  for (let y = 0; y < height; y++) {
    const at = y * (line + 1);
    filtered[at] = y ? 2 : 0; // differences to the line above
    for (let i = 0; i < line; i++) filtered[at + 1 + i] = rgba[y * line + i] - (y ? rgba[(y - 1) * line + i] : 0);
  }
  const stream = new Blob([filtered]).stream().pipeThrough(new CompressionStream("deflate"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits
  header.setUint8(9, 6); // RGBA
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const chunks = [["IHDR", new Uint8Array(header.buffer)], ["sRGB", Uint8Array.of(0)], ["IDAT", packed], ["IEND", new Uint8Array()]];
  return new Blob([signature, ...chunks.map(([name, data]) => chunk(name, data))], { type: "image/png" });
}

function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length), view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
  bytes.set(data, 8);
  let crc = 0xffffffff;
  for (let i = 4; i < 8 + data.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  view.setUint32(8 + data.length, ~crc);
  return bytes;
}

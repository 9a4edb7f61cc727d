/**
 * Makes a screenshot small enough to be kept: 256 colours, each pixel that of the nearest, packed as
 * tightly as zlib can. Knows the PNG that Chromium writes (8 bits, RGB or RGBA), and no other.
 */

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const COLORS_MAX = 256;

interface Picture {
  width: number;
  height: number;
  /** One number for each pixel: red, green, blue. */
  pixels: Uint32Array;
}

export function packed(png: Buffer): Buffer {
  const { width, height, pixels } = decoded(png);
  const counts = new Map<number, number>();
  for (const pixel of pixels) {
    counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  }
  const common = [...counts].sort(([, a], [, b]) => b - a).map(([color]) => color);
  const palette = paletteOf(common);
  const indices = new Map([...counts.keys()].map((color) => [color, nearest(color, palette)]));

  const rows = Buffer.alloc(height * (width + 1)); // each begins with its filter: none
  pixels.forEach((pixel, at) => {
    rows[at + Math.floor(at / width) + 1] = indices.get(pixel) ?? 0;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, of a palette
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(parts))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * The most common colours, but none that is next to one taken already: a small spot of its own colour
 * has its place before the hundredth shade of a letter's edge.
 */
function paletteOf(common: readonly number[]): number[] {
  for (let apart = 2; ; apart *= 2) {
    const taken: number[] = [];
    for (const color of common) {
      if (taken.every((other) => distance(color, other) >= apart)) {
        taken.push(color);
      }
    }
    if (taken.length <= COLORS_MAX) {
      return taken;
    }
  }
}

function distance(one: number, other: number): number {
  const [r, g, b] = parts(one);
  const [red, green, blue] = parts(other);
  return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
}

function parts(color: number): [number, number, number] {
  return [color >> 16, (color >> 8) & 255, color & 255];
}

function nearest(color: number, palette: readonly number[]): number {
  let best = 0;
  let least = Infinity;
  palette.forEach((candidate, index) => {
    const away = distance(color, candidate);
    if (away < least) {
      [best, least] = [index, away];
    }
  });
  return best;
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(body.length, 0);
  framed.set(named, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}

function decoded(png: Buffer): Picture {
  const [width, height, bits, kind] = [
    png.readUInt32BE(16),
    png.readUInt32BE(20),
    png.readUInt8(24),
    png.readUInt8(25),
  ];
  if (bits !== 8 || (kind !== 2 && kind !== 6)) {
    throw new Error(`a PNG of another kind: ${bits} bits, ${kind}`);
  }
  const step = kind === 2 ? 3 : 4;
  const stride = width * step;
  const raw = inflateSync(Buffer.concat(bodies(png, 'IDAT')));
  const pixels = new Uint32Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0; y < height; y += 1) {
    const start = y * (stride + 1);
    const row = new Uint8Array(raw.subarray(start + 1, start + 1 + stride));
    unfilter(raw[start] ?? 0, row, above, step);
    for (let x = 0; x < width; x += 1) {
      const [red = 0, green = 0, blue = 0] = row.subarray(x * step, x * step + 3);
      pixels[y * width + x] = (red << 16) | (green << 8) | blue;
    }
    above = row;
  }
  return { width, height, pixels };
}

function bodies(png: Buffer, type: string): Buffer[] {
  const found: Buffer[] = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === type) {
      found.push(png.subarray(at + 8, at + 8 + length));
    }
    at += length + 12;
  }
  return found;
}

/** PNG (third edition), section 9: what a byte was before it was told by its neighbours. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  for (let at = 0; at < row.length; at += 1) {
    const left = at < step ? 0 : (row[at - step] ?? 0);
    const up = above[at] ?? 0;
    const corner = at < step ? 0 : (above[at - step] ?? 0);
    const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
    row[at] = (row[at] ?? 0) + guess;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [toLeft, toUp] = [Math.abs(up - corner), Math.abs(left - corner)];
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) {
    return left;
  }
  return toUp <= toCorner ? up : corner;
}

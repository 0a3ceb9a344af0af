// Draws images/icon.png from its description below: a caret and the code that streams from it.
// Plain PNG by hand, so that no drawing program is needed.
import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const SIZE = 256;
const SAMPLES = 4; // per pixel and axis, for smooth edges
const BACKGROUND = [20, 33, 61];
const SHAPES = [
  { x: 44, y: 64, w: 14, h: 128, r: 7, colour: [252, 163, 17] },
  { x: 78, y: 72, w: 126, h: 18, r: 9, colour: [229, 229, 229] },
  { x: 102, y: 104, w: 84, h: 18, r: 9, colour: [132, 169, 214] },
  { x: 102, y: 136, w: 58, h: 18, r: 9, colour: [92, 126, 172] },
  { x: 78, y: 168, w: 30, h: 18, r: 9, colour: [62, 88, 128] },
];

function isInside(px, py, { x, y, w, h, r }) {
  const dx = Math.max(x + r - px, px - (x + w - r), 0);
  const dy = Math.max(y + r - py, py - (y + h - r), 0);
  return dx * dx + dy * dy <= r * r;
}

function colourAt(x, y) {
  const frame = { x: 0, y: 0, w: SIZE, h: SIZE, r: 48 };
  if (!isInside(x, y, frame)) {
    return [0, 0, 0, 0];
  }
  const shape = SHAPES.findLast((each) => isInside(x, y, each));
  return [...(shape?.colour ?? BACKGROUND), 255];
}

function pixel(x, y) {
  const sum = [0, 0, 0, 0];
  for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
    const [r, g, b, a] = colourAt(x + ((i % SAMPLES) + 0.5) / SAMPLES, y + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES);
    [r, g, b].forEach((value, channel) => (sum[channel] += value * a));
    sum[3] += a;
  }
  const alpha = sum[3] / SAMPLES ** 2;
  return [...sum.slice(0, 3).map((value) => (sum[3] ? Math.round(value / sum[3]) : 0)), Math.round(alpha)];
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

const rows = [];
for (let y = 0; y < SIZE; y += 1) {
  rows.push(0, ...Array.from({ length: SIZE }, (_, x) => pixel(x, y)).flat());
}
const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8); // 8 bits, RGBA
writeFileSync(
  new URL('../images/icon.png', import.meta.url),
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]),
);

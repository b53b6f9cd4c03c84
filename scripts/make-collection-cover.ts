/** A drawn cover: a few flat shapes over a gradient, as a PNG. Pure: the same chance gives the same bytes. */
import { crc32, deflateSync } from 'node:zlib'
import type { Random } from '../src/base/random.ts'

/** Pixels along an edge. */
export const coverEdge = 180

type Colour = readonly [red: number, green: number, blue: number]
type Inside = (x: number, y: number) => boolean

export function drawCover(random: Random): Buffer {
  const hue = random() * 360
  const top = colour(hue, 0.45, 0.24)
  const bottom = colour(hue + 40, 0.55, 0.5)
  const shapes = Array.from({ length: 4 }, (_, index) => ({
    isInside: makeShape(random),
    fill: colour(hue + 150 + index * 25 + random() * 20, 0.6, 0.45 + 0.12 * index),
  }))
  return encodePng((x, y) => {
    for (const { isInside, fill } of shapes.toReversed()) if (isInside(x, y)) return fill
    // Eight bands instead of a smooth gradient: it looks printed, and it compresses.
    const share = Math.floor(y * 8) / 8
    return [0, 1, 2].map(
      (channel) => top[channel]! + (bottom[channel]! - top[channel]!) * share,
    ) as unknown as Colour
  })
}

/** A disc, a ring, a mountain or a wave; coordinates go from 0 to 1. */
function makeShape(random: Random): Inside {
  const [x0, y0, size] = [0.15 + random() * 0.7, 0.2 + random() * 0.5, 0.12 + random() * 0.2]
  const kinds: readonly Inside[] = [
    (x, y) => Math.hypot(x - x0, y - y0) < size,
    (x, y) => Math.abs(Math.hypot(x - x0, y - y0) - size) < 0.025,
    (x, y) => y > y0 + 0.25 + Math.abs(x - x0) * (0.6 + size),
    (x, y) => y > 0.62 + size * 0.6 + 0.06 * Math.sin((x + x0) * 14 * (0.5 + size)),
  ]
  return kinds[Math.floor(random() * kinds.length)]!
}

function colour(hue: number, saturation: number, lightness: number): Colour {
  const swing = saturation * Math.min(lightness, 1 - lightness)
  const channel = (offset: number): number => {
    const place = (offset + hue / 30) % 12
    return Math.round(255 * (lightness - swing * Math.max(-1, Math.min(place - 3, 9 - place, 1))))
  }
  return [channel(0), channel(8), channel(4)]
}

function encodePng(pixel: (x: number, y: number) => Colour): Buffer {
  const stride = 1 + coverEdge * 3
  const raw = Buffer.alloc(stride * coverEdge)
  for (let row = 0; row < coverEdge; row += 1) {
    for (let column = 0; column < coverEdge; column += 1) {
      raw.set(pixel(column / coverEdge, row / coverEdge), row * stride + 1 + column * 3)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(coverEdge, 0)
  header.writeUInt32BE(coverEdge, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

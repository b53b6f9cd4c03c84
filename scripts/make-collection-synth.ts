/** A small synthesiser: notes in, stereo sound out. Pure: the same notes and the same chance give the same samples. */
import type { Random } from '../src/base/random.ts'

export const sampleRate = 44_100

export type Voice = keyof typeof voices

export interface Note {
  readonly voice: Voice
  /** Seconds from the start of the piece. */
  readonly at: number
  /** Seconds until it is let go; what rings on after that is the voice's affair. */
  readonly length: number
  /** MIDI number: 60 is middle C. Drums ignore it. */
  readonly pitch: number
  /** 0 to 1. */
  readonly gain: number
  /** -1 is left, 1 is right. */
  readonly pan: number
}

/** Interleaved 16-bit stereo at `sampleRate`, `seconds` long, faded out at its end and as loud as it may be. */
export function render(notes: readonly Note[], seconds: number, random: Random): Buffer {
  const frames = Math.round(seconds * sampleRate)
  const left = new Float64Array(frames)
  const right = new Float64Array(frames)
  for (const note of notes) {
    const sound = voices[note.voice](frequency(note.pitch), note.length, random)
    const start = Math.round(note.at * sampleRate)
    const angle = ((note.pan + 1) * Math.PI) / 4
    const toLeft = Math.cos(angle) * note.gain
    const toRight = Math.sin(angle) * note.gain
    const end = Math.min(sound.length, frames - start)
    for (let index = 0; index < end; index += 1) {
      left[start + index]! += sound[index]! * toLeft
      right[start + index]! += sound[index]! * toRight
    }
  }
  addRoom(left, leftCombs)
  addRoom(right, rightCombs)
  return interleave(left, right)
}

const frequency = (pitch: number): number => 440 * 2 ** ((pitch - 69) / 12)

const turn = 2 * Math.PI

/** One sound of `length` seconds plus `release`, from a function of the time; `attack` and `release` keep it free of clicks. */
function shaped(
  length: number,
  [attack, release]: readonly [attack: number, release: number],
  wave: (time: number) => number,
): Float64Array {
  const sound = new Float64Array(Math.ceil((length + release) * sampleRate))
  for (let index = 0; index < sound.length; index += 1) {
    const time = index / sampleRate
    const rise = Math.min(1, time / attack)
    const fall = time < length ? 1 : Math.max(0, 1 - (time - length) / release)
    sound[index] = wave(time) * rise * fall * fall
  }
  return sound
}

/** Karplus and Strong's string: a burst of noise that goes round a delay line and loses its edge. */
function pluck(hertz: number, length: number, random: Random): Float64Array {
  const line = Array.from(
    { length: Math.max(2, Math.round(sampleRate / hertz)) },
    () => random() * 2 - 1,
  )
  let place = 0
  let before = 0
  return shaped(length, [0.002, 0.5], () => {
    const sample = line[place]!
    line[place] = 0.498 * (sample + before)
    before = sample
    place = (place + 1) % line.length
    return sample
  })
}

/** A sum of overtones, softer the higher they are. */
const overtones = (hertz: number, time: number, amounts: readonly number[]): number =>
  amounts.reduce(
    (sum, amount, index) => sum + amount * Math.sin(turn * hertz * (index + 1) * time),
    0,
  )

const voices = {
  pluck,
  bell: (hertz: number, length: number) =>
    shaped(length, [0.002, 1.2], (time) => {
      const shimmer = 2.2 * Math.exp(-4 * time) * Math.sin(turn * hertz * 3.5 * time)
      return Math.sin(turn * hertz * time + shimmer) * Math.exp(-2.2 * time)
    }),
  keys: (hertz: number, length: number) =>
    shaped(length, [0.004, 0.4], (time) => {
      const bite = 1.4 * Math.exp(-6 * time) * Math.sin(turn * hertz * 2 * time)
      return 0.8 * Math.sin(turn * hertz * time + bite) * Math.exp(-1.6 * time)
    }),
  strings: (hertz: number, length: number) =>
    shaped(length, [0.18, 0.6], (time) => {
      const vibrato = 0.004 * Math.sin(turn * 5.1 * time)
      const amounts = [0.5, 0.26, 0.17, 0.1, 0.06, 0.04]
      return (
        0.5 *
        (overtones(hertz, time + vibrato / 25, amounts) + overtones(hertz * 1.004, time, amounts))
      )
    }),
  organ: (hertz: number, length: number) =>
    shaped(
      length,
      [0.03, 0.15],
      (time) => 0.6 * overtones(hertz, time, [0.6, 0.45, 0.25, 0.2, 0, 0.12, 0, 0.1]),
    ),
  pad: (hertz: number, length: number) =>
    shaped(length, [0.7, 1.4], (time) => {
      const sway = 1 + 0.25 * Math.sin(turn * 0.4 * time)
      const amounts = [0.5, 0.2 * sway, 0.1 * sway, 0.05]
      return (
        0.5 * (overtones(hertz * 0.997, time, amounts) + overtones(hertz * 1.003, time, amounts))
      )
    }),
  lead: (hertz: number, length: number) =>
    shaped(length, [0.012, 0.18], (time) => {
      const bend = 0.00012 * Math.sin(turn * 5.5 * time) * Math.min(1, time * 3)
      return 0.5 * overtones(hertz, time + bend, [0.8, 0, 0.27, 0, 0.16, 0, 0.1])
    }),
  bass: (hertz: number, length: number) =>
    shaped(
      length,
      [0.006, 0.09],
      (time) =>
        0.9 *
        overtones(hertz, time, [0.8, 0.3 * Math.exp(-5 * time), 0.12]) *
        Math.exp(-0.9 * time),
    ),
  sawbass: (hertz: number, length: number) =>
    shaped(length, [0.004, 0.06], (time) => {
      const open = Math.exp(-7 * time)
      return (
        0.7 * overtones(hertz, time, [0.7, 0.35, 0.24 * open, 0.18 * open, 0.14 * open, 0.1 * open])
      )
    }),
  kick: () =>
    shaped(
      0.1,
      [0.001, 0.25],
      (time) => Math.sin(turn * (48 * time + 5 * (1 - Math.exp(-28 * time)))) * Math.exp(-9 * time),
    ),
  snare: (_hertz: number, _length: number, random: Random) =>
    shaped(
      0.05,
      [0.001, 0.16],
      (time) =>
        (random() - 0.5) * Math.exp(-14 * time) +
        0.4 * Math.sin(turn * 185 * time) * Math.exp(-22 * time),
    ),
  hat: (_hertz: number, _length: number, random: Random) => {
    let before = 0
    return shaped(0.02, [0.001, 0.07], (time) => {
      const noise = random() - 0.5
      const bright = noise - before
      before = noise
      return bright * Math.exp(-45 * time)
    })
  },
  ride: (_hertz: number, _length: number, random: Random) => {
    let before = 0
    return shaped(0.1, [0.001, 0.4], (time) => {
      const noise = random() - 0.5
      const bright = noise - before
      before = noise
      return (0.35 * bright + 0.06 * Math.sin(turn * 5230 * time)) * Math.exp(-8 * time)
    })
  },
}

/** Delays of the echoes that make the room, in samples; other ones left and right make it wide. */
const leftCombs = [1557, 1617, 1491, 1422]
const rightCombs = [1580, 1640, 1514, 1445]
const roomFeedback = 0.8
const roomAmount = 0.07

function addRoom(channel: Float64Array, delays: readonly number[]): void {
  const dry = Float64Array.from(channel)
  for (const delay of delays) {
    const line = new Float64Array(delay)
    let damped = 0
    for (let index = 0; index < dry.length; index += 1) {
      const place = index % delay
      const echo = line[place]!
      damped = 0.7 * echo + 0.3 * damped
      line[place] = dry[index]! + damped * roomFeedback
      channel[index]! += echo * roomAmount
    }
  }
}

const fadeSeconds = 0.6
const peak = 0.82

function interleave(left: Float64Array, right: Float64Array): Buffer {
  const frames = left.length
  let loudest = 1e-9
  for (let index = 0; index < frames; index += 1) {
    loudest = Math.max(loudest, Math.abs(left[index]!), Math.abs(right[index]!))
  }
  const samples = Buffer.alloc(frames * 4)
  for (let index = 0; index < frames; index += 1) {
    const fade = Math.min(1, (frames - index) / (fadeSeconds * sampleRate))
    const scale = (32_767 * peak * fade) / loudest
    samples.writeInt16LE(Math.round(left[index]! * scale), index * 4)
    samples.writeInt16LE(Math.round(right[index]! * scale), index * 4 + 2)
  }
  return samples
}

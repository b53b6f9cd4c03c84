import type { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import { type Findings, type Sound, bitsPerSecond, durationOf } from './findings.ts'
import { type Reading, type SparseFile, demand } from './sparse-file.ts'
import { tailTags } from './tail-tags.ts'

/** WavPack or Monkey's Audio: a header in front that tells the length, APEv2 at the end. */
export function* lossless(file: SparseFile, start: number): Reading<Findings> {
  const head = yield* demand(file, { start, end: start + headBytes })
  const sound = head.toString('latin1', 0, 4) === 'wvpk' ? wavpackSound(head) : apeSound(head)
  if (sound === null) {
    throw new SyncError('unparsable', `${file.name} has a header that makes no sense.`)
  }
  const tail = yield* tailTags(file)
  const bitrate = bitsPerSecond(tail.start - start, sound.durationMs)
  return { sound: { ...sound, bitrate }, blocks: tail.blocks, cover: tail.picture?.place }
}

/** The first block's header (WavPack 4 & 5 Binary File / Block Format, 2). */
function wavpackSound(head: Buffer): Sound | null {
  if (head.length < 32) return null
  const flags = head.readUInt32LE(24)
  const sampleRate = wavpackRates[(flags >>> 23) & 15]
  const samples = head.readUInt32LE(12)
  return {
    codec: 'wavpack',
    isLossless: (flags & 8) === 0,
    isDurationEstimated: false,
    durationMs: samples === unknownSamples ? undefined : durationOf(samples, sampleRate ?? 0),
    sampleRate,
    channels: (flags & 4) === 0 ? 2 : 1,
    bitsPerSample: ((flags & 3) + 1) * 8,
  }
}

/** Descriptor and header since version 3.98; the short header before. */
function apeSound(head: Buffer): Sound | null {
  if (head.length < headBytes) return null
  const isNew = head.readUInt16LE(4) >= 3_980
  const at = isNew ? head.readUInt32LE(8) : 6
  if (at + 24 > head.length || !isNew) return null
  const frames = head.readUInt32LE(at + 12)
  const samples = (frames - 1) * head.readUInt32LE(at + 4) + head.readUInt32LE(at + 8)
  const sampleRate = head.readUInt32LE(at + 20)
  return {
    codec: 'ape',
    isLossless: true,
    isDurationEstimated: false,
    durationMs: durationOf(samples, sampleRate),
    sampleRate,
    channels: head.readUInt16LE(at + 18),
    bitsPerSample: head.readUInt16LE(at + 16),
  }
}

const headBytes = 128
const unknownSamples = 0xff_ff_ff_ff
const wavpackRates = [
  6_000, 8_000, 9_600, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000,
  88_200, 96_000, 192_000,
]

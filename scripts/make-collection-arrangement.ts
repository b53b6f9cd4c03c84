/** How a piece is composed: a progression of chords, layers that each play it in their own way, and one motif that comes back. */
import type { Random } from '../src/base/random.ts'
import type { Note, Voice } from './make-collection-synth.ts'

export interface Arrangement {
  /** Beats a minute. */
  readonly tempo: number
  /** MIDI number of the tonic, around middle C. */
  readonly tonic: number
  readonly scale: keyof typeof scales
  /** Degrees of the scale that the chords stand on (0 is the tonic); two beats each, the last one rings out. */
  readonly chords: readonly number[]
  readonly layers: readonly Layer[]
}

export type Layer = DrumLayer | PitchedLayer

interface DrumLayer {
  readonly play: 'drums'
  readonly kit: keyof typeof kits
  readonly gain: number
}

interface PitchedLayer {
  readonly play: BassFigure | HarmonyFigure
  readonly voice: Voice
  readonly gain: number
  /** How many octaves above where the figure plays by itself; a bass stays where it is. */
  readonly octave?: number
}

type BassFigure = 'bass' | 'walk' | 'pulse'
type HarmonyFigure = 'chords' | 'stabs' | 'arpeggio' | 'melody'

const scales = {
  major: [0, 2, 4, 5, 7, 9, 11],
  minor: [0, 2, 3, 5, 7, 8, 10],
  dorian: [0, 2, 3, 5, 7, 9, 10],
  lydian: [0, 2, 4, 6, 7, 9, 11],
  pentatonic: [0, 2, 4, 7, 9, 12, 14],
} as const

const beatsAChord = 2
/** Seconds that the last chord has to die away. */
const ringSeconds = 1.6

/** The notes of a piece and how long it takes, in seconds. */
export function compose(
  arrangement: Arrangement,
  random: Random,
): { readonly notes: readonly Note[]; readonly seconds: number } {
  const beat = 60 / arrangement.tempo
  const motif = makeMotif(random)
  const notes = arrangement.layers.flatMap((layer) =>
    arrangement.chords.flatMap((degree, index) => {
      const isLast = index === arrangement.chords.length - 1
      const bar: Bar = {
        at: index * beatsAChord * beat,
        beat,
        degree,
        index,
        isLast,
        arrangement,
        motif,
        random,
      }
      return playLayer(layer, bar)
    }),
  )
  return {
    notes,
    seconds: (arrangement.chords.length - 1) * beatsAChord * beat + beat + ringSeconds,
  }
}

/** One chord's worth of time. */
interface Bar {
  readonly at: number
  /** Seconds. */
  readonly beat: number
  readonly degree: number
  readonly index: number
  readonly isLast: boolean
  readonly arrangement: Arrangement
  readonly motif: readonly MotifNote[]
  readonly random: Random
}

function playLayer(layer: Layer, bar: Bar): Note[] {
  if (layer.play === 'drums') return playDrums(layer.kit, layer.gain, bar)
  if (layer.play === 'bass' || layer.play === 'walk' || layer.play === 'pulse') {
    return playBass(layer.play, layer.voice, layer.gain, bar)
  }
  return playHarmony[layer.play](bar, layer.voice, layer.gain, 12 * (layer.octave ?? 0))
}

type Harmony = (bar: Bar, voice: Voice, gain: number, shift: number) => Note[]

const playHarmony: Readonly<Record<HarmonyFigure, Harmony>> = {
  chords: (bar, voice, gain, shift) =>
    chordOf(bar).map((pitch, index) => ({
      voice,
      at: bar.at + index * 0.012,
      length: bar.beat * beatsAChord * 0.95,
      pitch: pitch + shift,
      gain,
      pan: (index - 1.5) * 0.3,
    })),
  stabs: (bar, voice, gain, shift) =>
    (bar.isLast ? [0] : [0, 0.75, 1.5]).flatMap((offset) =>
      chordOf(bar).map((pitch, index) => ({
        voice,
        at: bar.at + offset * bar.beat,
        length: bar.beat * 0.3,
        pitch: pitch + shift,
        gain,
        pan: (index - 1.5) * 0.25,
      })),
    ),
  arpeggio: (bar, voice, gain, shift) => {
    const chord = chordOf(bar)
    const order = [0, 1, 2, 3, 2, 1, 3, 2]
    const steps = bar.isLast ? 4 : 8
    return Array.from({ length: steps }, (_, index) => ({
      voice,
      at: bar.at + (index * bar.beat) / 4,
      length: bar.beat * (bar.isLast ? 1.5 : 0.45),
      pitch: chord[order[index]! % chord.length]! + shift,
      gain: gain * (index % 4 === 0 ? 1 : 0.75),
      pan: Math.sin(index + bar.index) * 0.5,
    }))
  },
  melody: (bar, voice, gain, shift) => {
    if (bar.isLast)
      return [
        {
          voice,
          at: bar.at,
          length: bar.beat * 2,
          pitch: pitchOf(bar.arrangement, bar.degree) + 12 + shift,
          gain,
          pan: 0.1,
        },
      ]
    const lift = bar.index % 2 === 0 ? 0 : 1
    return bar.motif.map(({ offset, length, step }) => ({
      voice,
      at: bar.at + offset * bar.beat,
      length: length * bar.beat * 0.92,
      pitch:
        pitchOf(bar.arrangement, bar.degree + step + lift * (offset > 0.9 ? 1 : 0)) + 12 + shift,
      gain,
      pan: 0.1,
    }))
  },
}

function playBass(play: BassFigure, voice: Voice, gain: number, bar: Bar): Note[] {
  const at = (offset: number, length: number, degree: number): Note => ({
    voice,
    at: bar.at + offset * bar.beat,
    length: length * bar.beat,
    pitch: pitchOf(bar.arrangement, degree) - 24,
    gain,
    pan: 0,
  })
  if (bar.isLast) return [at(0, 2, bar.degree)]
  if (play === 'bass') return [at(0, 1.4, bar.degree), at(1.5, 0.45, bar.degree + 4)]
  if (play === 'walk')
    return [at(0, 0.9, bar.degree), at(1, 0.9, bar.degree + (bar.random() < 0.5 ? 2 : 4))]
  return [0, 0.5, 1, 1.5].map((offset) => at(offset, 0.4, bar.degree))
}

/** Which drum falls on which beats of the two. */
const kits = {
  straight: { kick: [0], snare: [1], hat: [0, 0.5, 1, 1.5] },
  fourfloor: { kick: [0, 1], snare: [], hat: [0.5, 1.5] },
  broken: { kick: [0, 0.75], snare: [1], hat: [0, 0.25, 0.5, 1, 1.5, 1.75] },
  brushes: { kick: [], snare: [], hat: [1], ride: [0, 0.67, 1, 1.67] },
} satisfies Record<string, Partial<Record<Voice, readonly number[]>>>

function playDrums(kit: keyof typeof kits, gain: number, bar: Bar): Note[] {
  const hits: Partial<Record<Voice, readonly number[]>> = kits[kit]
  const voices = ['kick', 'snare', 'hat', 'ride'] as const
  return voices.flatMap((voice) =>
    (hits[voice] ?? [])
      .filter((offset) => !bar.isLast || offset === 0)
      .map((offset) => ({
        voice,
        at: bar.at + offset * bar.beat,
        length: 0.1,
        pitch: 60,
        gain: gain * (voice === 'hat' || voice === 'ride' ? 0.45 : 1) * (0.9 + 0.1 * bar.random()),
        pan: voice === 'hat' ? 0.3 : voice === 'ride' ? -0.3 : 0,
      })),
  )
}

function pitchOf({ tonic, scale }: Arrangement, degree: number): number {
  const steps = scales[scale]
  const octave = Math.floor(degree / steps.length)
  return tonic + steps[degree - octave * steps.length]! + 12 * octave
}

/** Root, third, fifth and the third above: close to the tonic, so that chords lead into one another. */
function chordOf({ arrangement, degree }: Bar): readonly number[] {
  return [0, 2, 4, 7].map((step) => {
    const pitch = pitchOf(arrangement, degree + step)
    return pitch > arrangement.tonic + 16 ? pitch - 12 : pitch
  })
}

interface MotifNote {
  /** Beats. */
  readonly offset: number
  readonly length: number
  /** Degrees above the chord's root. */
  readonly step: number
}

const rhythms: readonly (readonly number[])[] = [
  [1, 0.5, 0.5],
  [0.5, 0.5, 1],
  [0.75, 0.25, 1],
  [0.5, 1, 0.5],
  [1.5, 0.5],
  [0.5, 0.5, 0.5, 0.5],
]

/** Starts on a tone of the chord and goes on in small steps. */
function makeMotif(random: Random): readonly MotifNote[] {
  const rhythm = rhythms[Math.floor(random() * rhythms.length)]!
  let step = [0, 2, 4][Math.floor(random() * 3)]!
  let offset = 0
  return rhythm.map((length) => {
    const note = { offset, length, step }
    offset += length
    step = Math.max(-1, Math.min(6, step + [-2, -1, 1, 1, 2][Math.floor(random() * 5)]!))
    return note
  })
}

import { readFileSync } from 'node:fs'
import { SyncError } from '../base/errors.ts'

/** Settings as they are written, in the environment, on the command line or in a file. All throw `bad-input`. */

/** What stands in the environment, or in a file; whoever names a file on the command line means that. */
export function secretOf(
  fromEnvironment: string | undefined,
  file: string,
  what: string,
): string | null {
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment
  if (file === '') return null
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new SyncError('bad-input', `The ${what} file ${file} cannot be read.`, { cause })
  }
}

export function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

export function whole(
  text: string,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most) {
    return number
  }
  throw new SyncError(
    'bad-input',
    `--${name} is a whole number from ${least} to ${most}, not "${text}".`,
  )
}

export function oneOf<Choice extends string>(
  text: string,
  name: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((each) => each === text)
  if (choice !== undefined) return choice
  throw new SyncError('bad-input', `--${name} is one of ${choices.join(', ')}, not "${text}".`)
}

const durations = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s`, `15m`, `6h`, `1d` in milliseconds; at least ten seconds and at most thirty days, unless told otherwise. */
export function durationMs(text: string, bounds: Partial<typeof usualBounds> = {}): number {
  const { least, most } = { ...usualBounds, ...bounds }
  const ms = msOf(text)
  if (ms >= msOf(least) && ms <= msOf(most)) return ms
  throw new SyncError(
    'bad-input',
    `A time is written like 90s, 15m, 6h or 1d (${least} to ${most}), not "${text}".`,
  )
}

const usualBounds = { least: '10s', most: '30d' }

function msOf(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  // The pattern admits these four letters alone.
  const unit = match?.[2] as keyof typeof durations | undefined
  return match === null || unit === undefined ? Number.NaN : Number(match[1]) * durations[unit]
}

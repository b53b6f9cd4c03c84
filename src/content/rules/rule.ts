import type { RuleSettings } from './settings.ts'

/** Looks at a subject and says what is wrong with it, in words that clients of the network know; nothing: it is good. */
export type Rule<T> = (subject: T, settings: RuleSettings) => readonly string[]

export const noErrors: readonly string[] = []

/** The errors of the first rule that has any. */
export function firstErrors<T>(
  rules: readonly Rule<T>[],
  subject: T,
  settings: RuleSettings,
): readonly string[] {
  for (const rule of rules) {
    const errors = rule(subject, settings)
    if (errors.length > 0) return bounded(errors)
  }
  return noErrors
}

/** Errors quote what came from outside: at most 100 of them, each of at most 1,000 characters. */
export function bounded(errors: readonly string[]): readonly string[] {
  const shown = errors.slice(0, maxErrors).map(clipped)
  const rest = errors.length - maxErrors
  return rest > 0 ? [...shown, `There are ${rest} errors more.`] : shown
}

function clipped(text: string): string {
  return text.length <= maxErrorLength ? text : `${text.slice(0, maxErrorLength - 1)}…`
}

const maxErrors = 100
/** Characters. */
const maxErrorLength = 1_000

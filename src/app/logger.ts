import { pino, stdSerializers } from 'pino'
import type { Log } from '../base/log.ts'
import type { LogLevel } from './config.ts'

/** Fields that never reach the log, wherever they stand in what is logged. */
const secrets = [
  'password',
  'token',
  'authorization',
  'secret',
  '*.password',
  '*.token',
  '*.authorization',
  '*.secret',
]

/** Log lines as JSON on the standard error. */
export function makeLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: null,
      redact: { paths: secrets, censor: '(hidden)' },
      serializers: { error: stdSerializers.err },
    },
    harmless(pino.destination({ fd: 2, sync: true })),
  )
}

/** What moves the cursor of a terminal or turns its text round, and JSON need not escape: names come from strangers. */
const unsafe = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The same line, for a reader of JSON; a terminal that shows it stays as it is. */
export function harmlessLine(line: string): string {
  return line.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function harmless(to: { write(line: string): unknown }): { write(line: string): void } {
  return { write: (line) => void to.write(harmlessLine(line)) }
}

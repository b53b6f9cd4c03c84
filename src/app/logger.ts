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
    pino.destination({ fd: 2, sync: true }),
  )
}

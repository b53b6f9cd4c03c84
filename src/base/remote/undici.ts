import { createRequire } from 'node:module'
import type { buildConnector as BuildConnector, errors as Errors, Pool as UndiciPool } from 'undici'

/**
 * The parts of undici that we stand on, by their own files. Its front door loads fetch, WebSocket, caches and the copy
 * of undici inside Node as well: a tenth of all that a short `sync` computes (ADR 8). The version is pinned, and every
 * test of this folder tries these files.
 */
const require = createRequire(import.meta.url)

export const buildConnector = require('undici/lib/core/connect.js') as typeof BuildConnector
export const errors = require('undici/lib/core/errors.js') as typeof Errors
export const Pool = require('undici/lib/dispatcher/pool.js') as typeof UndiciPool
export type Pool = UndiciPool

// As the front door does for every dispatcher.
Pool.prototype.request = require('undici/lib/api/api-request.js') as UndiciPool['request']

import type * as Undici from 'undici'
import request from 'undici/lib/api/api-request.js'
import connect from 'undici/lib/core/connect.js'
import failures from 'undici/lib/core/errors.js'
import UndiciPool from 'undici/lib/dispatcher/pool.js'

/**
 * The parts of undici that we stand on, by their own files. Its front door loads fetch, WebSocket, caches and the copy
 * of undici inside Node as well: a tenth of all that a short `sync` computes (ADR 8). The version is pinned, and every
 * test of this folder tries these files.
 */
export const buildConnector: typeof Undici.buildConnector = connect
export const errors: typeof Undici.errors = failures
export const Pool: typeof Undici.Pool = UndiciPool
export type Pool = Undici.Pool

// As the front door does for every dispatcher.
Pool.prototype.request = request

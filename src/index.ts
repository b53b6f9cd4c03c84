/**
 * For whoever builds on Roundelay: the engine and its ports, owed work kept in SQLite or PostgreSQL, and the drives. A source of
 * one's own implements `Source`; what the content of its items means is a `Handler` with an `EffectWriter`.
 */
export { asSyncError, type ErrorCode, errorCodes, type Remedy, SyncError } from './base/errors.ts'
export { type Clock, systemClock } from './base/clock.ts'
export { type Random, systemRandom } from './base/random.ts'
export { type Log, silentLog } from './base/log.ts'
export { addressPolicy } from './base/remote/address-policy.ts'
export { Engine, type EngineParts, type Observer } from './engine/engine.ts'
export type { Effect, EffectWriter, Handler, Item, Reading } from './engine/handler.ts'
export { defaultPolicy, type Plan, planWeights, type Policy } from './engine/policy.ts'
export type {
  NewSource,
  Owner,
  Registry,
  SourceEntry,
  SourceSettings,
  SourceStatus,
} from './engine/registry.ts'
export {
  type Batch,
  type ByteRange,
  type Change,
  type ItemRef,
  type ListedItem,
  maxBatch,
  maxDepth,
  maxKeyBytes,
  type NextStep,
  type Opened,
  type Source,
} from './engine/source.ts'
export type { Claim, Result } from './engine/task.ts'
export type { TaskStore } from './engine/task-store.ts'
export { openDrive } from './drives/drives.ts'
export { openDatabaseFile } from './app/database-file.ts'
export { openDatabaseServer } from './app/database-server.ts'
export type { StoreDatabase, WorkRight } from './app/store-database.ts'
export { SqlRegistry } from './store/sql/registry.ts'
export type { Sql, SqlDatabase, SqlValue, Transaction } from './store/sql/sql.ts'
export { SqlTaskStore } from './store/sql/task-store.ts'
export { Vault } from './store/vault.ts'

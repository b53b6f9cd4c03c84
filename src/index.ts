/**
 * For whoever builds on Roundelay: the engine and its ports, owed work kept in SQLite, and the drives. A source of
 * one's own implements `Source`; what the content of its items means is a `Handler` with an `EffectWriter`.
 */
export { asSyncError, type ErrorCode, errorCodes, type Remedy, SyncError } from './base/errors.ts'
export { type Clock, systemClock } from './base/clock.ts'
export { type Random, systemRandom } from './base/random.ts'
export { type Log, silentLog } from './base/log.ts'
export { addressPolicy } from './base/remote/address-policy.ts'
export { Engine, type EngineParts, type Observer } from './engine/engine.ts'
export type { Effect, EffectWriter, Handler, Item } from './engine/handler.ts'
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
export { Database } from './store/sqlite/database.ts'
export { migrate } from './store/sqlite/migrations.ts'
export { SqliteRegistry } from './store/sqlite/registry.ts'
export { SqliteTaskStore } from './store/sqlite/task-store.ts'
export { WorkLock } from './store/sqlite/work-lock.ts'
export { Vault } from './store/vault.ts'

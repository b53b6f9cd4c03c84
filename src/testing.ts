/**
 * For whoever writes a source of his own: the suite that every source has to pass, as plain checks for any test
 * runner, a drive in memory with every fault on request, and what it takes to write one.
 */
export {
  oddNames,
  type SourceBench,
  type SourceCheck,
  sourceContract,
  type SourceTrial,
} from './engine/source-contract.ts'
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
export { type ErrorCode, errorCodes, SyncError } from './base/errors.ts'
export { type Clock, systemClock } from './base/clock.ts'
export { MemoryDrive, type MemoryDriveParts } from './drives/memory/memory-drive.ts'
export type { Fault, FaultEffect, Operation } from './drives/memory/faults.ts'
export type { Content, GeneratedContent } from './drives/memory/content.ts'

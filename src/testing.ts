/**
 * For whoever writes a source of his own: the suite that every source has to pass, as plain checks for any test
 * runner, and a drive in memory with every fault on request.
 */
export {
  oddNames,
  type SourceBench,
  type SourceCheck,
  sourceContract,
  type SourceTrial,
} from './engine/source-contract.ts'
export { MemoryDrive, type MemoryDriveParts } from './drives/memory/memory-drive.ts'
export type { Fault, FaultEffect, Operation } from './drives/memory/faults.ts'
export type { Content, GeneratedContent } from './drives/memory/content.ts'

import type { SyncError } from '../../base/errors.ts'

/** Somebody could not be asked: that says nothing of what he was asked for. What he answers says something, sense or not. */
export function isUnreached({ code, remedy }: SyncError): boolean {
  return remedy === 'source' && code !== 'protocol'
}

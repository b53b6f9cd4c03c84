import { Buffer } from 'node:buffer'
import { canonicalChain, checkAuthChain, deployerOf } from './auth-chain.ts'
import type { Deployment, Entity } from './entity.ts'
import { hashForm, hashV0, hashV1 } from './hashing.ts'
import { readEntity } from './rules/entity-file.ts'
import { bounded } from './rules/rule.ts'
import type { Rules } from './rules/rules.ts'
import type { Submission, Verdict } from './verification.ts'

/**
 * All that can be told of a submission from itself, in the order of the network's servers: its hash, structure and
 * metadata, then who signed it; the first that has errors decides. What comes behind the size of the content is told
 * apart (ADR-51).
 */
export function verifyJob(submission: Submission, rules: Rules): Verdict {
  const { entityId, file, authChain } = submission
  if (!isHashOf(entityId, file)) {
    return refused(['The entity file does not have the hash that is the id of the entity.'])
  }
  const reading = readEntity(entityId, file)
  if ('errors' in reading) return refused(reading.errors)
  const { entity } = reading
  for (const errorsOf of [rules.structureErrors, rules.metadataErrors]) {
    const errors = errorsOf(entity)
    if (errors.length > 0) return refused(errors)
  }
  const chain = checkAuthChain(authChain, entityId, entity.timestamp)
  // It quotes what came from outside.
  if (!chain.isGood) return refused(bounded([chain.error]))
  return {
    isGood: true,
    deployment: deploymentOf(entity, submission),
    questions: chain.questions,
    lateErrors: rules.lateErrors(entity, deployerOf(authChain)),
  }
}

function isHashOf(entityId: string, file: Uint8Array): boolean {
  const form = hashForm(entityId)
  return form !== null && entityId === (form === 1 ? hashV1(file) : hashV0(file))
}

function deploymentOf(entity: Entity, { file, authChain }: Submission): Deployment {
  const { id, type, pointers, timestamp, version, content, metadata } = entity
  return {
    entityId: id,
    type,
    pointers,
    timestamp,
    deployer: deployerOf(authChain),
    version,
    content,
    authChain: canonicalChain(authChain),
    file,
    metadata: metadataRange(file, metadata),
    isComplete: true,
  }
}

/**
 * Most clients write the metadata last and as JSON.stringify does: then these bytes of the file can be told on as they
 * are. Whatever else is written, by whatever key, is no such place.
 */
function metadataRange(file: Uint8Array, metadata: unknown): Deployment['metadata'] {
  if (metadata === undefined) return null
  const text = Buffer.from(`${JSON.stringify(metadata)}}`)
  const start = file.length - text.length
  if (start < 0 || !text.equals(file.subarray(start))) return null
  return { start, end: file.length - 1 }
}

function refused(errors: readonly string[]): Verdict {
  return { isGood: false, errors }
}

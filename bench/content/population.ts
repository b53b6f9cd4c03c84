/** Who lives on the nodes of this bench: profiles of 788 bytes without files, as most entities of the network are. */
import { createHash } from 'node:crypto'
import type { Deployment } from '../../src/content/entity.ts'
import { canonicalChain, deployerOf } from '../../src/content/auth-chain.ts'
import { makeIdentity, signedProfile, type SignedEntity } from '../../test/content/signer.ts'

export interface Population {
  /** How many people there are, each with a pointer. */
  readonly people: number
  /** Deployments of each of them, one after the other; all but the last are dead. */
  readonly each?: number
  /** Of the first, in milliseconds since 1970; then one a step. */
  readonly fromMs: number
  readonly stepMs: number
}

/** The days before the day before yesterday: all of it is in snapshots, and nothing of it is of today. */
export function past(people: number, nowMs: number, each = 1): Population {
  const spanMs = 30 * dayMs
  const fromMs = nowMs - 2 * dayMs - spanMs
  return { people, each, fromMs, stepMs: Math.max(1, Math.floor(spanMs / (people * each))) }
}

const dayMs = 86_400_000

/** Signed as clients do: owner, ephemeral key, entity. */
export function* signedPeople({
  people,
  each = 1,
  fromMs,
  stepMs,
}: Population): Generator<SignedEntity> {
  for (let at = 0; at < people * each; at++) {
    const identity = makeIdentity(at % people)
    yield signedProfile({ identity, timestamp: fromMs + at * stepMs, name: `Number ${at}` })
  }
}

/** The same as a store takes them. */
export function* deploymentsOf(population: Population): Generator<Deployment> {
  for (const signed of signedPeople(population)) yield deploymentOf(signed)
}

/** As a store takes it. Nothing is checked: whoever follows will. */
export function deploymentOf({ entityId, file, authChain }: SignedEntity): Deployment {
  const text = Buffer.from(file).toString()
  // The signer has written it.
  const entity = JSON.parse(text) as Pick<
    Deployment,
    'type' | 'pointers' | 'timestamp' | 'version' | 'content'
  >
  const { type, pointers, timestamp, version, content } = entity
  return {
    entityId,
    type,
    pointers,
    timestamp,
    version,
    content,
    deployer: deployerOf(authChain),
    authChain: canonicalChain(authChain),
    file,
    metadata: { start: text.indexOf(metadataKey) + metadataKey.length, end: file.length - 1 },
    isComplete: true,
  }
}

/** The signer writes ASCII: characters are bytes. */
const metadataKey = '"metadata":'

/**
 * People whom nobody has signed for, and who are made a thousand times as fast: for what looks at no signature. They take as
 * much room as others.
 */
export function* unsignedPeople({ people, fromMs, stepMs }: Population): Generator<Deployment> {
  const identity = makeIdentity(0)
  const model = deploymentOf(signedProfile({ identity, timestamp: fromMs }))
  for (let at = 0; at < people; at++) {
    const digest = createHash('sha256').update(String(at)).digest()
    const entityId = `bafkrei${letters(digest)}`
    yield {
      ...model,
      entityId,
      pointers: [`0x${digest.toString('hex').slice(0, 40)}`],
      timestamp: fromMs + at * stepMs,
      authChain: model.authChain.replaceAll(model.entityId, entityId),
    }
  }
}

/** 52 letters of an id. */
function letters(digest: Uint8Array): string {
  const five = (byte: number): string => alphabet[byte & 31] ?? 'a'
  const text = [...digest, ...digest].map((byte, at) => five(at < digest.length ? byte : byte >> 3))
  return text.join('').slice(0, 52)
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

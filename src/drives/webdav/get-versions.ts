import type { RemoteResponse } from '../../base/remote/remote-host.ts'
import type { ItemRef } from '../../engine/source.ts'
import { mayBeSame, normalEtag, parseDate, parseVersion, type Validators } from './version.ts'

/**
 * Whether the answers to GETs are of the version that was listed. On most servers ETag and time of a GET mean the same
 * as those of a listing. On those that have proven otherwise, the GETs of one file are compared among themselves: a
 * file that changes between two of its ranges is noticed, one that changed between listing and first range is read as
 * it is now, and read again once the next listing tells its new version.
 */
export class GetVersions {
  #isComparable = true
  readonly #first = new Map<string, { readonly version: string; readonly told: Validators }>()

  /** Whether the answer may be of this version. One that has no bytes tells nothing. */
  accepts({ key, version }: ItemRef, answer: RemoteResponse): boolean {
    if (answer.status === 416) return true
    const etag = normalEtag(answer.header('etag'))
    const told = { etag, mtimeMs: parseDate(answer.header('last-modified')) }
    if (this.#isComparable) return mayBeSame(parseVersion(version), told)
    const first = this.#first.get(key)
    if (first?.version === version) return mayBeSame(first.told, told)
    this.#remember(key, { version, told })
    return true
  }

  /** An answer was not accepted, and yet the version is the one that was listed. */
  setApart({ key }: ItemRef): void {
    this.#isComparable = false
    this.#first.delete(key)
  }

  #remember(key: string, answer: { version: string; told: Validators }): void {
    this.#first.delete(key)
    this.#first.set(key, answer)
    const [oldest] = this.#first.keys()
    if (this.#first.size > maxFiles && oldest !== undefined) this.#first.delete(oldest)
  }
}

/** Files whose first answer is remembered: many more than are read at the same time. */
const maxFiles = 1_000

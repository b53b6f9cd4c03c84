/** What tells one version of a file from another; whatever of it a server has. */
export interface Validators {
  /** Without `W/` and quotes. */
  readonly etag?: string | undefined
  readonly mtimeMs?: number | undefined
}

/** The version of an item: `etag;size;mtimeMs`, with nothing where the server says nothing. */
export function formatVersion({ etag, mtimeMs }: Validators, size: number): string {
  return `${etag ?? ''};${size};${mtimeMs ?? ''}`
}

export function parseVersion(version: string): Validators {
  const [, etag, mtimeMs] = /^(.*);\d*;(-?\d*)$/s.exec(version) ?? []
  return { etag: etag || undefined, mtimeMs: mtimeMs ? Number(mtimeMs) : undefined }
}

/** A server sends a tag weak for a moment and strong later, quoted here and bare there: it is the same tag. */
export function normalEtag(raw: string | undefined): string | undefined {
  const etag = raw
    ?.trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/s, '$1')
  return etag === undefined || etag === '' || etag.length > maxEtagLength ? undefined : etag
}

/** A date of HTTP in milliseconds since 1970. */
export function parseDate(raw: string | undefined): number | undefined {
  const ms = Date.parse(raw ?? '')
  return Number.isNaN(ms) ? undefined : ms
}

/** Whether the two may be the same version: by ETag where both have one, else by time. */
export function mayBeSame(one: Validators, other: Validators): boolean {
  if (one.etag !== undefined && other.etag !== undefined) return one.etag === other.etag
  if (one.mtimeMs !== undefined && other.mtimeMs !== undefined) return one.mtimeMs === other.mtimeMs
  return true
}

/** Characters; a longer tag is taken for none. */
const maxEtagLength = 1_024

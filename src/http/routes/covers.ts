import { Type } from 'typebox'
import { abortable } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import type { Covers } from '../covers.ts'
import { answerSignal } from '../deadline.ts'
import { ownerOf, type Directory } from '../directory.ts'
import { Refusal, problemResponses } from '../problem.ts'
import { Id, UserName } from '../schema.ts'
import type { Web } from '../web.ts'

export interface CoversRouteParts {
  readonly registry: Directory
  readonly covers: Covers
  readonly clock: Clock
}

const CoverParams = Type.Object({ id: Id })
const CoverQuery = Type.Object(
  {
    user: Type.Optional(
      Type.String({ ...UserName, description: 'Only if it is a cover of this user.' }),
    ),
  },
  { additionalProperties: false },
)

/** `GET /api/covers/:id`: the picture itself. */
export function coversRoute(web: Web, { registry, covers, clock }: CoversRouteParts): void {
  const schema = {
    summary: 'A picture of a track, an album or a folder',
    tags: ['library'],
    params: CoverParams,
    querystring: CoverQuery,
    response: {
      200: {
        description: 'The picture.',
        content: { 'image/*': { schema: Type.String({ format: 'binary' }) } },
      },
      304: { description: 'It is the one that If-None-Match names.', type: 'null' },
      ...problemResponses,
    },
  }
  web.get('/api/covers/:id', { schema }, async ({ params: { id }, query, headers }, reply) => {
    const signal = answerSignal({ clock, ms: maxCoverMs, what: 'Reading the cover' }, reply.raw)
    const owner = query.user === undefined ? null : await ownerOf(registry, query.user)
    const reading = covers.read(id, owner?.id ?? null, signal)
    const cover = await abortable(reading, signal, 'Reading the cover')
    if (cover === null) throw new Refusal('unknown-cover', `There is no cover ${id}.`)
    const etag = `"${cover.hash}"`
    reply.headers({ etag, 'cache-control': coverCaching })
    if (isNamed(etag, headers['if-none-match'])) return reply.code(304).send()
    const extension = extensions.get(cover.mime)
    const how = extension === undefined ? 'attachment' : 'inline'
    reply.header('content-disposition', `${how}; filename="cover-${id}.${extension ?? 'bin'}"`)
    reply.type(extension === undefined ? 'application/octet-stream' : cover.mime)
    return reply.send(cover.bytes)
  })
}

/** Pictures that no browser runs anything of; with the extension of their files. */
const extensions: ReadonlyMap<string, string> = new Map([
  ['image/jpeg', 'jpg'],
  ['image/png', 'png'],
  ['image/webp', 'webp'],
  ['image/gif', 'gif'],
  ['image/avif', 'avif'],
  ['image/bmp', 'bmp'],
])

/** RFC 9110, section 13.1.2: weakly compared, `*` is whatever there is. */
function isNamed(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false
  return header.split(',').some((each) => {
    const tag = each.trim()
    return tag === '*' || tag.replace(/^W\//, '') === etag
  })
}

/** The file behind an id may get another picture, so the id's answer is not for ever; the ETag settles the rest. */
const coverCaching = 'private, max-age=3600'
/** Milliseconds from the request to the last byte; a drive may be slow. */
const maxCoverMs = 60_000

import { Type, type Static } from 'typebox'
import type { Operations } from '../../engine/operations.ts'
import type { SourceEntry } from '../../engine/registry.ts'
import { ownerOf, sourceOf, type Directory } from '../directory.ts'
import { hintOf, problemResponses } from '../problem.ts'
import { list, oneOf, preset, SourceName, UserName } from '../schema.ts'
import type { Web } from '../web.ts'

export interface SourcesRouteParts {
  readonly registry: Directory
  readonly operations: Pick<Operations, 'restart'>
}

/** Troubles in one answer. */
const maxTroubles = 1_000
const presetTroubles = 100

const SourceParams = Type.Object({
  name: Type.String({ ...UserName, description: 'Name of a user.' }),
  source: SourceName,
})
const Nothing = Type.Object({}, { additionalProperties: false })

/** What a person sees and does about one source: `/api/users/:name/sources/:source/...` */
export function sourcesRoutes(web: Web, parts: SourcesRouteParts): void {
  syncRoute(web, parts)
  holdRoutes(web, parts)
  confirmRoute(web, parts)
  troublesRoute(web, parts)
}

function syncRoute(web: Web, { registry }: SourcesRouteParts): void {
  const SyncQuery = Type.Object(
    {
      full: preset(
        Type.Boolean({
          description: 'List every folder, even where the drive says that nothing changed.',
        }),
        false,
      ),
    },
    { additionalProperties: false },
  )
  const schema = {
    summary: 'List a source now',
    description:
      'As soon as possible, after the present round if there is one; wakes a stopped or resting source.',
    tags: ['sources'],
    params: SourceParams,
    querystring: SyncQuery,
    response: {
      202: Type.Object({ isAsked: Type.Literal(true) }, { description: 'It is due.' }),
      ...problemResponses,
    },
  }
  web.post('/api/users/:name/sources/:source/sync', { schema }, async (request, reply) => {
    const source = await meant(registry, request.params)
    await registry.ask(source.id, request.query.full)
    return reply.code(202).send({ isAsked: true })
  })
}

/** What stops the work on a source, and what sets it going again. */
function holdRoutes(web: Web, { registry, operations }: SourcesRouteParts): void {
  const deeds = [
    {
      verb: 'pause',
      summary: 'Leave a source alone',
      description: 'Until it is resumed; what is shown of it stays.',
      act: (id: number) => registry.setPaused(id, true),
    },
    {
      verb: 'resume',
      summary: 'Go on with a source that was paused',
      description: 'From where it was.',
      act: (id: number) => registry.setPaused(id, false),
    },
    {
      verb: 'restart',
      summary: 'Begin anew with a source',
      description:
        'What is done with it now is given up, its round ends, its failures are forgotten, and all of it is listed again. What was read stays.',
      act: (id: number) => operations.restart(id),
    },
  ] as const
  for (const { verb, summary, description, act } of deeds) {
    const schema = {
      summary,
      description,
      tags: ['sources'],
      params: SourceParams,
      querystring: Nothing,
      response: { 200: Type.Object({ isDone: Type.Literal(true) }), ...problemResponses },
    }
    web.post(`/api/users/:name/sources/:source/${verb}`, { schema }, async ({ params }) => {
      await act((await meant(registry, params)).id)
      return { isDone: true as const }
    })
  }
}

function confirmRoute(web: Web, { registry }: SourcesRouteParts): void {
  const schema = {
    summary: 'Confirm that files are gone',
    description:
      'What is withheld because too much went away at once may be hidden by the next round, which is asked for.',
    tags: ['sources'],
    params: SourceParams,
    querystring: Nothing,
    response: {
      202: Type.Object({ files: Type.Integer({ description: 'How many files are concerned.' }) }),
      ...problemResponses,
    },
  }
  web.post(
    '/api/users/:name/sources/:source/confirm-deletions',
    { schema },
    async ({ params }, reply) => {
      const source = await meant(registry, params)
      return reply.code(202).send({ files: await registry.confirmDeletions(source.id) })
    },
  )
}

function troublesRoute(web: Web, { registry }: SourcesRouteParts): void {
  const TroublesQuery = Type.Object(
    { limit: preset(Type.Integer({ minimum: 1, maximum: maxTroubles }), presetTroubles) },
    { additionalProperties: false },
  )
  const Trouble = Type.Object({
    path: Type.String(),
    state: oneOf('skipped', 'failed'),
    code: Type.String(),
    message: Type.String(),
    hint: Type.String({ description: 'What can be done about it.' }),
  })
  const schema = {
    summary: 'Files that are skipped or given up, and why',
    tags: ['sources'],
    params: SourceParams,
    querystring: TroublesQuery,
    response: { 200: Type.Object({ troubles: list(Trouble) }), ...problemResponses },
  }
  web.get('/api/users/:name/sources/:source/troubles', { schema }, async ({ params, query }) => {
    const source = await meant(registry, params)
    const troubles = await registry.troubles(source.id, query.limit)
    return {
      troubles: troubles.map(({ path, state, code, message }) => ({
        path,
        state,
        code,
        message,
        hint: hintOf(code),
      })),
    }
  })
}

async function meant(
  registry: Directory,
  { name, source }: Static<typeof SourceParams>,
): Promise<SourceEntry> {
  return sourceOf(registry, await ownerOf(registry, name), source)
}

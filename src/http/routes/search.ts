import { Type } from 'typebox'
import type { Catalogue } from '../../library/catalogue.ts'
import { ownerOf, type Directory } from '../directory.ts'
import { SearchResult } from '../music.ts'
import { problemResponses } from '../problem.ts'
import { preset, UserName } from '../schema.ts'
import type { Web } from '../web.ts'

export interface SearchRouteParts {
  readonly registry: Directory
  readonly catalogue: Pick<Catalogue, 'search'>
}

/** Of each kind in one answer. */
const maxFound = 100
const presetFound = 20
/** Characters. */
const maxSearchLength = 200

const SearchQuery = Type.Object(
  {
    user: Type.Optional(UserName),
    q: Type.String({
      minLength: 1,
      maxLength: maxSearchLength,
      description:
        'Beginnings of words of title, artist, album or path; accents and case do not matter.',
    }),
    limit: preset(
      Type.Integer({ minimum: 1, maximum: maxFound, description: 'At most so many of each kind.' }),
      presetFound,
    ),
  },
  { additionalProperties: false },
)

/** `GET /api/search`: artists, albums and tracks that every word of `q` fits. */
export function searchRoute(web: Web, { registry, catalogue }: SearchRouteParts): void {
  const schema = {
    summary: 'Search in a library',
    tags: ['library'],
    querystring: SearchQuery,
    response: { 200: SearchResult, ...problemResponses },
  }
  web.get('/api/search', { schema }, async ({ query: { user, q, limit } }) => {
    const owner = await ownerOf(registry, user)
    return catalogue.search(owner.id, q, limit)
  })
}

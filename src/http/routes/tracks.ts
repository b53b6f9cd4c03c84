import { Type, type Static } from 'typebox'
import { maxPage, type Catalogue, type TrackQuery } from '../../library/catalogue.ts'
import { ownerOf, sourceOf, type Directory } from '../directory.ts'
import { TrackPage } from '../music.ts'
import { problemResponses } from '../problem.ts'
import { Id, PageMark, preset, SourceName, UserName } from '../schema.ts'
import type { Web } from '../web.ts'

export interface TracksRouteParts {
  readonly registry: Directory
  readonly catalogue: Pick<Catalogue, 'tracks'>
}

const presetTracks = 100

const TracksQuery = Type.Object(
  {
    user: Type.Optional(UserName),
    artist: Type.Optional(
      Type.Integer({ ...Id, description: 'Id of who plays, or whose album it is.' }),
    ),
    album: Type.Optional(Type.Integer({ ...Id, description: 'Id of an album.' })),
    source: Type.Optional(SourceName),
    after: Type.Optional(PageMark),
    limit: preset(Type.Integer({ minimum: 1, maximum: maxPage }), presetTracks),
  },
  { additionalProperties: false },
)

/** `GET /api/tracks`: somebody's music, album by album. */
export function tracksRoute(web: Web, { registry, catalogue }: TracksRouteParts): void {
  const schema = {
    summary: 'Tracks by album artist, album, disc, track',
    tags: ['library'],
    querystring: TracksQuery,
    response: { 200: TrackPage, ...problemResponses },
  }
  web.get('/api/tracks', { schema }, async ({ query }) =>
    catalogue.tracks(await trackQuery(registry, query)),
  )
}

async function trackQuery(
  registry: Directory,
  { user, artist, album, source, after, limit }: Static<typeof TracksQuery>,
): Promise<TrackQuery> {
  const owner = await ownerOf(registry, user)
  return {
    ownerId: owner.id,
    limit,
    ...(artist !== undefined && { artistId: artist }),
    ...(album !== undefined && { albumId: album }),
    ...(source !== undefined && { sourceId: (await sourceOf(registry, owner, source)).id }),
    ...(after !== undefined && { after }),
  }
}

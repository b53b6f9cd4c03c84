import { jsonAnswer } from './answer.ts'
import type { ContentParts } from './content-parts.ts'
import type { Routes } from './route.ts'

/** `GET /status` and `GET /challenge`: what a node tells of itself. */
export function nodeStatusRoutes(routes: Routes, { status, about }: ContentParts): void {
  const { version, commitHash, ethNetwork, types, challengeText } = about
  const challenge = JSON.stringify({ challengeText })
  routes.reads('/challenge', () => jsonAnswer(challenge))
  routes.reads('/status', () => {
    const { state, lastSyncWithDaoMs, peers } = status()
    return jsonAnswer(
      JSON.stringify({
        version,
        commitHash,
        ethNetwork,
        synchronizationStatus: {
          lastSyncWithDAO: lastSyncWithDaoMs,
          synchronizationState: state,
        },
        // Beyond the protocol: of a node that holds some kinds only; how many peers there are, and do not answer.
        ...(types !== null && { entityTypes: types }),
        ...(peers !== undefined && { peers }),
      }),
    )
  })
}

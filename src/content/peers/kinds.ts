/** What the sources of a content node are called in the table of sources. */
export const peerKind = 'peer'
export const retryKind = 'failed-deployments'

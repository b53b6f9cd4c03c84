import type { Change, StoredDeployment } from '../../content/content-store.ts'

/** A deployment in `GET /pointer-changes`, put together from the JSON that is stored. */
export function deltaText(change: Change): string {
  const metadata = change.metadata === null ? '' : `,"metadata":${change.metadata}`
  return (
    `{"deploymentId":${change.deploymentId},${offerText(change)}${metadata}` +
    `,"deployerAddress":${quoted(change.deployer)},"version":${quoted(change.version)}` +
    `,"authChain":${change.authChain},"localTimestamp":${change.localMs}}`
  )
}

/** One in `GET /freshest`: what a node has to know before it fetches the entity. */
export function freshText(row: StoredDeployment): string {
  return (
    `{${offerText(row)},"authChain":${row.authChain},"localTimestamp":${row.localMs}` +
    `,"isActive":${row.isActive}}`
  )
}

function offerText({ type, entityId, pointers, timestamp }: StoredDeployment): string {
  return (
    `"entityType":"${type}","entityId":${quoted(entityId)}` +
    `,"pointers":[${pointers.map(quoted).join(',')}],"entityTimestamp":${timestamp}`
  )
}

/** As JSON; most texts need nothing but quotes. */
function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

const plain = /^[\w:.,-]*$/

/** How far the time of what is deployed here may be from this node's own, in milliseconds. */
export interface DeploymentWindow {
  readonly maxAgeMs: number
  readonly maxAheadMs: number
}

export const deploymentWindow: DeploymentWindow = { maxAgeMs: 1_200_000, maxAheadMs: 900_000 }

/** Of a deployment what the checks of a node's own clients name. A `Deployment` is one. */
export interface WindowClaim {
  readonly entityId: string
  readonly pointers: readonly string[]
  readonly timestamp: number
}

/** Only of what is deployed on this very node: what comes from peers may be as old as it is. `nowMs` since 1970. */
export function windowErrors(
  claim: WindowClaim,
  nowMs: number,
  { maxAgeMs, maxAheadMs }: DeploymentWindow,
): readonly string[] {
  const ageMs = nowMs - claim.timestamp
  if (ageMs > maxAgeMs) return [`The request is not recent enough, ${again(claim)}`]
  if (ageMs < -maxAheadMs) return [`The request is too far in the future, ${again(claim)}`]
  return []
}

function again({ entityId, pointers }: WindowClaim): string {
  return `please submit it again with a new timestamp (entityId=${entityId} pointers=${pointers.join(',')}).`
}

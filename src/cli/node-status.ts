import { Command } from 'commander'
import type { NodeReport, PeerReport } from '../app/node-report.ts'
import { inWords } from '../base/duration.ts'
import type { Setting } from './setting.ts'
import { printable, table } from './terminal.ts'
import { withNode } from './with-node.ts'

/** `roundelay node status` */
export function nodeStatusCommand(setting: Setting): Command {
  const { terminal } = setting
  return new Command('status')
    .description('its state, what it holds, and how each of its peers stands')
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: boolean }) => {
      const { nodeReport } = await import('../app/node-report.ts')
      const { report, nowMs } = await withNode(setting, async (node, core) => ({
        report: await nodeReport(node, core),
        nowMs: await core.database.sql.now(),
      }))
      terminal.say(flags.json === true ? JSON.stringify(report) : textOf(report, nowMs))
    })
}

function textOf(report: NodeReport, nowMs: number): string {
  const { isNode, state, peers, attendance } = report
  if (!isNode)
    return `This database holds no content node yet: begin with roundelay serve --content.`
  const parts = [`${state}: ${stateText(report)}`, heldText(report), snapshotText(report, nowMs)]
  parts.push(peers.length === 0 ? 'It has no peers (--peers names some).' : peerTable(peers, nowMs))
  if (attendance.state !== 'works') parts.push(attendance.text)
  return parts.join('\n')
}

function stateText({ state, peers }: NodeReport): string {
  if (state === 'Syncing') return 'it has caught up with its peers once, and takes deployments'
  if (peers.length > 0)
    return 'it takes no deployments of clients before it has caught up with its peers'
  return 'it takes no deployments of clients: it has nobody to catch up with, and is not said to be the first of a network (serve --first-node)'
}

function heldText({ active, failed }: NodeReport): string {
  const held = Object.entries(active).filter(([, count]) => count > 0)
  const total = held.reduce((sum, [, count]) => sum + count, 0)
  const kinds = held.map(([type, count]) => `${type} ${count}`).join(', ')
  const why = failed === 0 ? '' : ' (why: GET /content/failed-deployments)'
  return `active entities: ${total}${kinds === '' ? '' : ` (${kinds})`}; failed deployments: ${failed}${why}`
}

function snapshotText({ snapshots }: NodeReport, nowMs: number): string {
  const { count, entities, writtenMs } = snapshots
  if (writtenMs === null) return 'snapshots: none written yet'
  return `snapshots: ${count} of ${entities} entities (of whole days, UTC), written ${inWords(nowMs - writtenMs)} ago`
}

function peerTable(peers: readonly PeerReport[], nowMs: number): string {
  const rows = peers.map((peer) => [
    printable(peer.url),
    stateOf(peer, nowMs),
    peer.seenMs === null ? '-' : new Date(peer.seenMs).toISOString(),
    peer.lagMs === null ? '-' : inWords(peer.lagMs),
    String(peer.taken),
    String(peer.failed),
    peer.error === null ? '' : printable(`${peer.error.code}: ${peer.error.message}`),
  ])
  return table([['peer', 'state', 'read up to', 'lag', 'taken', 'failed', 'last error'], ...rows])
}

function stateOf({ state, wellMs, nextMs, snapshots, parts }: PeerReport, nowMs: number): string {
  if (state === 'bootstrapping') {
    return snapshots === 0 ? state : `${state}: ${snapshots} snapshots, ${parts} parts left`
  }
  if (state !== 'unreachable' && state !== 'stopped') return state
  const since =
    wellMs === null ? `${state}, never reached` : `${state} for ${inWords(nowMs - wellMs)}`
  return nextMs === null ? since : `${since}, asked again in ${inWords(nextMs - nowMs)}`
}

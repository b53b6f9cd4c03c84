import { Command } from 'commander'
import type { Setting } from './setting.ts'
import { withNode } from './with-node.ts'

/** `roundelay node snapshot` */
export function snapshotCommand(setting: Setting): Command {
  const { terminal } = setting
  return new Command('snapshot')
    .description(
      'writes snapshots now, as far as something has changed; a server that runs does it',
    )
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: boolean }) => {
      const { requestSnapshots } = await import('../app/snapshot-request.ts')
      const { snapshots } = await withNode(setting, async (node, core) => {
        await requestSnapshots(node, core)
        const { nodeReport } = await import('../app/node-report.ts')
        return nodeReport(node, core)
      })
      const { count, entities } = snapshots
      if (flags.json === true) terminal.say(JSON.stringify({ snapshots }))
      else
        terminal.say(
          `${count} snapshots of ${entities} entities are written and offered. What is of today comes in after midnight UTC; until then peers read it as changes.`,
        )
    })
}

import { Command } from 'commander'
import { snapshotCommand } from './node-snapshot.ts'
import { nodeStatusCommand } from './node-status.ts'
import { verifyCommand } from './node-verify.ts'
import type { Setting } from './setting.ts'

/** `roundelay node status|verify|snapshot` */
export function nodeCommand(setting: Setting): Command {
  return new Command('node')
    .description('the content node: its peers, what it holds, its snapshots')
    .addCommand(nodeStatusCommand(setting))
    .addCommand(verifyCommand(setting))
    .addCommand(snapshotCommand(setting))
}

import { Command } from 'commander'
import { sourceTitle } from '../app/source-title.ts'
import { restartStuck } from '../engine/operations.ts'
import type { Setting } from './setting.ts'
import { withCore } from './with-core.ts'

/** `roundelay restart-stuck` */
export function restartStuckCommand(setting: Setting): Command {
  return new Command('restart-stuck')
    .description('restarts the drives whose work stands still, and tries all parked tasks again')
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: boolean }) => {
      const { restarted, titles } = await withCore(setting, async (core) => {
        const restarted = await restartStuck(core.tasks, core.operations)
        const titles = await Promise.all(restarted.sources.map((id) => sourceTitle(core, id)))
        return { restarted, titles }
      })
      if (flags.json === true) return setting.terminal.say(JSON.stringify(restarted))
      for (const title of titles) setting.terminal.say(`Restarted ${title}.`)
      return setting.terminal.say(
        `${titles.length} drives stood still, ${restarted.tasks} tasks were parked.`,
      )
    })
}

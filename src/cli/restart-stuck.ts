import { Command } from 'commander'
import { attendance } from '../app/attendance.ts'
import { sourceTitle } from '../app/source-title.ts'
import { inWords } from '../base/duration.ts'
import { restartStuck, type Restarted } from '../engine/operations.ts'
import type { Setting } from './setting.ts'
import { printable } from './terminal.ts'
import { withCore } from './with-core.ts'

/** `roundelay restart-stuck` */
export function restartStuckCommand(setting: Setting): Command {
  return new Command('restart-stuck')
    .description(
      'restarts the drives whose work has not moved for ten minutes, and tries all parked tasks again',
    )
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: boolean }) => {
      const { restarted, titles, attended, stallMs } = await withCore(setting, async (core) => {
        // What waits is told as it was: what is restarted waits anew.
        const attended = await attendance(core)
        const restarted = await restartStuck(core.tasks, core.operations)
        const titles = await Promise.all(restarted.sources.map((id) => sourceTitle(core, id)))
        return { restarted, titles, attended, stallMs: core.policy.stallMs }
      })
      const { terminal } = setting
      const { state, text } = attended
      if (flags.json === true)
        return terminal.say(JSON.stringify({ ...restarted, attendance: { state, text } }))
      for (const title of titles) terminal.say(printable(`Restarted ${title}.`))
      terminal.say(saidOf(restarted, inWords(stallMs)))
      if (state !== 'works') terminal.say(text)
    })
}

function saidOf({ sources, tasks }: Restarted, limit: string): string {
  if (sources.length === 0 && tasks === 0) {
    return `Nothing was stuck: no drive's work has stood still for ${limit}, and no task is parked.`
  }
  const restarted = sources.length === 1 ? '1 drive' : `${sources.length} drives`
  const retried = tasks === 1 ? '1 parked task' : `${tasks} parked tasks`
  return `Restarted ${restarted} whose work had stood still for ${limit}; ${retried} tried again.`
}

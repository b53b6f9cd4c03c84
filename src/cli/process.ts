import { Command } from 'commander'
import { SyncError } from '../base/errors.ts'
import type { Setting } from './setting.ts'
import { inWords, printable, table } from './terminal.ts'
import { withCore } from './with-core.ts'

/** Processes in one list. */
const maxListed = 1_000

/** `roundelay process list|pause|resume` */
export function processCommand(setting: Setting): Command {
  const { terminal } = setting
  const command = new Command('process').description('the processes that do the work')
  command
    .command('list')
    .description('those that were heard of lately, and how many of their slots are in use')
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: boolean }) => {
      const { nowMs, processes } = await withCore(setting, async ({ operations, database }) => ({
        nowMs: await database.sql.now(),
        processes: await operations.processes(maxListed),
      }))
      if (flags.json === true) return terminal.say(JSON.stringify({ processes }))
      if (processes.length === 0) return terminal.say('No process does the work: roundelay serve')
      const rows = processes.map(({ name, sinceMs, isPaused, slots, busy }) => [
        printable(name),
        inWords(nowMs - sinceMs),
        `${busy} of ${slots}`,
        isPaused ? (busy > 0 ? 'draining' : 'paused') : 'works',
      ])
      return terminal.say(table([['process', 'for', 'slots in use', 'state'], ...rows]))
    })
  for (const [verb, isPaused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    command
      .command(verb)
      .description(
        isPaused
          ? 'lets a process end what it does and begin nothing new, until it is resumed or started again'
          : 'lets a process that was paused go on',
      )
      .argument('[name]', 'of the process (default: all there are)')
      .action(async (name: string | undefined) => {
        const count = await withCore(setting, ({ operations }) =>
          operations.pauseProcess(name ?? null, isPaused),
        )
        if (count === 0) {
          const what = name === undefined ? 'No process does the work' : `There is no ${name}`
          throw new SyncError('bad-input', `${what}: roundelay process list.`)
        }
        terminal.say(
          `${count} ${isPaused ? 'paused: what it does ends, nothing new begins.' : 'resumed.'}`,
        )
      })
  }
  return command
}

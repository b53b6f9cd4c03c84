import { Command } from 'commander'
import { attendance, leftBehind } from '../app/attendance.ts'
import { inWords } from '../base/duration.ts'
import { SyncError } from '../base/errors.ts'
import type { ProcessStatus } from '../engine/operations.ts'
import type { Setting } from './setting.ts'
import { printable, table } from './terminal.ts'
import { withCore } from './with-core.ts'

/** Processes in one list. */
const maxListed = 1_000

/** `roundelay process list|pause|resume` */
export function processCommand(setting: Setting): Command {
  const { terminal } = setting
  const command = new Command('process').description('the processes that do the work')
  command
    .command('list')
    .description(
      'who does the work, how many of their slots are in use, and when each was last heard',
    )
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: boolean }) => {
      const { nowMs, processes, attended } = await withCore(setting, async (core) => ({
        nowMs: await core.database.sql.now(),
        processes: await core.operations.processes(maxListed),
        attended: await attendance(core),
      }))
      if (flags.json === true) return terminal.say(JSON.stringify({ processes }))
      if (processes.length > 0) terminal.say(processTable(processes, nowMs))
      for (const line of leftBehind(processes, nowMs)) terminal.say(printable(line))
      if (attended.state !== 'works') terminal.say(attended.text)
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
        const { count, attended } = await withCore(setting, async (core) => ({
          count: await core.operations.pauseProcess(name ?? null, isPaused),
          attended: await attendance(core),
        }))
        if (count === 0) {
          const what = name === undefined ? 'No process does the work' : `There is no ${name}`
          throw new SyncError('bad-input', `${what}: roundelay process list.`)
        }
        terminal.say(
          `${count} ${isPaused ? 'paused: what it does ends, nothing new begins.' : 'resumed.'}`,
        )
        // A row is there for a while when its process is not.
        if (attended.state === 'nobody' || attended.state === 'unheard') terminal.say(attended.text)
      })
  }
  return command
}

function processTable(processes: readonly ProcessStatus[], nowMs: number): string {
  const rows = processes.map((process) => [
    printable(process.name),
    inWords(nowMs - process.sinceMs),
    heard(process, nowMs),
    `${process.busy} of ${process.slots}`,
    stateOf(process, nowMs),
  ])
  return table([['process', 'since', 'last heard', 'slots in use', 'state'], ...rows])
}

function heard({ heardMs, state }: ProcessStatus, nowMs: number): string {
  if (heardMs !== null) return `${inWords(nowMs - heardMs)} ago`
  return state === 'gone' ? '-' : 'now'
}

function stateOf({ state, isPaused, busy, heardMs, goneMs }: ProcessStatus, nowMs: number): string {
  const wish = isPaused ? ', paused' : ''
  if (state === 'paused') return busy > 0 ? 'draining' : 'paused'
  if (state === 'works' || goneMs === null || heardMs === null) return `${state}${wish}`
  if (state === 'gone') return `gone: taken for that ${inWords(nowMs - goneMs)} ago${wish}`
  return `not heard for ${inWords(nowMs - heardMs)}, taken for gone in ${inWords(goneMs - nowMs)}${wish}`
}

import { Command } from 'commander'
import type { Core } from '../app/core.ts'
import { SyncError } from '../base/errors.ts'
import type { FailedTask } from '../engine/operations.ts'
import { ownerNamed, sourceNamed } from './owner.ts'
import type { Setting } from './setting.ts'
import { failedTable } from './work-table.ts'
import { withCore } from './with-core.ts'

/** Tasks in one list. */
const maxListed = 1_000

/** `roundelay task list|retry|drop` */
export function taskCommand(setting: Setting): Command {
  const task = new Command('task').description('tasks that failed, and what becomes of them')
  task.addCommand(listCommand(setting))
  task.addCommand(
    deedCommand(setting, 'retry', {
      description: 'tries a task again at once, as if it had never failed',
      one: ({ operations }, id) => operations.retry(id, null),
      all: ({ operations }, sourceId) => operations.retryAll(sourceId),
      said: 'tried again at once',
    }),
  )
  task.addCommand(
    deedCommand(setting, 'drop', {
      description:
        'gives a task up: its file is skipped until it changes, its folder is left out of this round',
      one: ({ operations }, id) => operations.drop(id, null),
      all: ({ operations }, sourceId) => operations.dropAll(sourceId),
      said: 'given up',
    }),
  )
  return task
}

interface ListFlags {
  readonly for?: string
  readonly source?: string
  readonly all?: boolean
  readonly json?: boolean
}

function listCommand(setting: Setting): Command {
  return new Command('list')
    .description('the tasks that wait for a person, and why')
    .option('--for <name>', 'only of this user')
    .option('--source <name>', 'only of this drive')
    .option('--all', 'also those that are tried again by themselves')
    .option('--json', 'print one JSON object')
    .action(async (flags: ListFlags) => {
      const text = await withCore(setting, async (core) => {
        const tasks = await listed(core, flags)
        if (flags.json === true) return JSON.stringify({ tasks })
        return tasks.length === 0 ? 'No task has failed.' : failedTable(tasks, core.clock.now())
      })
      setting.terminal.say(text)
    })
}

async function listed(core: Core, flags: ListFlags): Promise<readonly FailedTask[]> {
  const { for: name, source, all } = flags
  const owner =
    name === undefined && source === undefined ? null : await ownerNamed(core, flags.for)
  const entry =
    owner === null || source === undefined ? null : await sourceNamed(core, owner, source)
  return core.operations.failed({
    ownerId: owner?.id ?? null,
    sourceId: entry?.id ?? null,
    isAll: all === true,
    limit: maxListed,
    after: 0,
  })
}

interface Deed {
  readonly description: string
  readonly one: (core: Core, id: number) => Promise<boolean>
  readonly all: (core: Core, sourceId: number) => Promise<number>
  readonly said: string
}

/** A command that does something about one task, or about all parked ones of a drive. */
function deedCommand(setting: Setting, verb: string, deed: Deed): Command {
  return new Command(verb)
    .description(deed.description)
    .argument('[id]', 'as task list tells it')
    .option('--all <source>', 'all parked tasks of this drive')
    .option('--for <name>', 'whose drive (default: of the only user there is)')
    .action(async (id: string | undefined, flags: { all?: string; for?: string }) => {
      if ((id === undefined) === (flags.all === undefined)) {
        throw new SyncError('bad-input', `Name one task, or a drive: task ${verb} --all SOURCE.`)
      }
      const count = await withCore(setting, (core) => done(core, id, flags, deed))
      setting.terminal.say(`${count} ${count === 1 ? 'task is' : 'tasks are'} ${deed.said}.`)
    })
}

async function done(
  core: Core,
  id: string | undefined,
  flags: { readonly all?: string; readonly for?: string },
  deed: Deed,
): Promise<number> {
  if (flags.all !== undefined) {
    const owner = await ownerNamed(core, flags.for)
    return deed.all(core, (await sourceNamed(core, owner, flags.all)).id)
  }
  const number = Number(id)
  if (!Number.isSafeInteger(number) || number <= 0) {
    throw new SyncError(
      'bad-input',
      `"${id ?? ''}" is no number of a task: roundelay task list tells them in its first column.`,
    )
  }
  if (await deed.one(core, number)) return 1
  throw new SyncError(
    'bad-input',
    `No task with the number ${number} has failed; it may be running or done by now: roundelay task list --all.`,
  )
}

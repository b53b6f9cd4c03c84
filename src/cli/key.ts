import { Command } from 'commander'
import type { Core } from '../app/core.ts'
import { asSyncError } from '../base/errors.ts'
import type { SourceEntry } from '../engine/registry.ts'
import type { Setting } from './setting.ts'
import { printable } from './terminal.ts'
import { withCore } from './with-core.ts'

/** Users whose passwords are looked at. */
const maxOwners = 1_000

/** `roundelay key adopt` */
export function keyCommand(setting: Setting): Command {
  const { terminal } = setting
  const command = new Command('key').description('the key that opens the stored passwords')
  command
    .command('adopt')
    .description(
      'goes on with the key of this machine (ROUNDELAY_KEY, or the file "key", made if there is none) where the one that the database was begun with is lost; names the passwords that must be given again',
    )
    .action(async () => {
      const shut = await withCore(setting, shutSources, { isAdopting: true })
      terminal.say('The database is bound to the key of this machine from now on.')
      if (shut.length === 0) return terminal.say('It opens every stored password.')
      terminal.say('These passwords do not open with it and must be given again:')
      for (const line of shut) terminal.say(`  ${printable(line)}`)
    })
  return command
}

/** How to give each password again that the key does not open. */
async function shutSources({ registry }: Core): Promise<readonly string[]> {
  const lines: string[] = []
  for (const { id, name } of await registry.owners(maxOwners)) {
    for (const source of await registry.sources(id)) {
      if (await isShut(registry, source.id)) lines.push(howToGive(source, name))
    }
  }
  return lines
}

/** Whether the stored password of a source does not open with the key that there is. */
export async function isShut(registry: Core['registry'], sourceId: number): Promise<boolean> {
  try {
    await registry.password(sourceId)
    return false
  } catch (error) {
    if (asSyncError(error).code === 'bad-key') return true
    throw error
  }
}

function howToGive({ address, settings }: SourceEntry, owner: string): string {
  const user = settings.user === undefined ? '' : ` --user ${settings.user}`
  return `roundelay sync ${address}${user} --for ${owner}`
}

import { Command, Help } from 'commander'
import { options, readConfig, type Given, type OptionName } from '../app/config.ts'
import { version } from '../app/version.ts'
import { doctorCommand } from './doctor.ts'
import { keyCommand } from './key.ts'
import { nodeCommand } from './node.ts'
import { processCommand } from './process.ts'
import { restartStuckCommand } from './restart-stuck.ts'
import { searchCommand } from './search.ts'
import { serveCommand } from './serve.ts'
import type { Setting } from './setting.ts'
import { sourceCommand } from './source.ts'
import { statusCommand } from './status.ts'
import { syncCommand } from './sync.ts'
import { taskCommand } from './task.ts'
import { terminal, type Terminal } from './terminal.ts'
import { tracksCommand } from './tracks.ts'
import { userCommand } from './user.ts'

/** The command line of Roundelay. */
export function program(terminal: Terminal): Command {
  const root = new Command('roundelay')
    .description(
      'Keeps a library of the music that lies in your own drives: lists them, reads only the bytes that hold the tags. And keeps content nodes up to date with each other: serve --content.',
    )
    .version(version)
    .showHelpAfterError('(roundelay --help tells more)')
    .addHelpText('after', closing)
  for (const { flag, value, text, variable, preset } of Object.values(options)) {
    const rest = preset === '' ? `[${variable}]` : `(${preset}) [${variable}]`
    root.option(value === '' ? `--${flag}` : `--${flag} <${value}>`, `${text} ${rest}`)
  }
  let isJson = false
  root.hook('preAction', (_root, command) => {
    isJson = command.opts()['json'] === true
  })
  const setting: Setting = {
    terminal,
    config: (more) => readConfig({ ...given(root), ...more }),
    isJson: () => isJson,
  }
  for (const make of commands) root.addCommand(withSharedHelp(make(setting)))
  return root
}

/** Shared options stand before or behind the name of a command; its help tells of those that concern it. */
function withSharedHelp(command: Command): Command {
  for (const below of command.commands) withSharedHelp(below)
  if (command.commands.length > 0) return command
  const name = command.name()
  const told = { all: true, work: name === 'serve' || name === 'sync', serve: name === 'serve' }
  const flags = new Set<string>(
    Object.values(options).flatMap(({ concerns, flag }) => (told[concerns] ? [`--${flag}`] : [])),
  )
  return command.configureHelp({
    showGlobalOptions: true,
    visibleGlobalOptions(command) {
      const shared = new Help().visibleGlobalOptions.call(this, command)
      return shared.filter(({ long }) => flags.has(long ?? ''))
    },
  })
}

const commands = [
  syncCommand,
  serveCommand,
  userCommand,
  sourceCommand,
  statusCommand,
  taskCommand,
  restartStuckCommand,
  processCommand,
  nodeCommand,
  searchCommand,
  tracksCommand,
  doctorCommand,
  keyCommand,
]

const closing = `
Examples:
  roundelay sync ~/Music                                   a library of one folder
  roundelay sync https://nas.example/dav --user anna       a library of a WebDAV drive; asks for the password
  roundelay search night train
  roundelay user add bob && roundelay source add ~/Bob --for bob
  roundelay serve                                          keeps every library up to date, answers on http://127.0.0.1:8377
  roundelay serve --content --peers https://a.example/content,https://b.example/content
                                                           a content node that keeps up with two others

All commands work beside a running "roundelay serve" with the same --data.`

/** The flags that were given, by the names of their options. */
function given(root: Command): Given {
  const flags = root.opts<Record<string, string | true>>()
  // Of an object that the code itself holds, no more keys than its type tells.
  const names = Object.keys(options) as OptionName[]
  const entries = names.flatMap((name) => {
    const flag = options[name].flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    const value = flags[flag]
    return value === undefined ? [] : [[name, value === true ? 'on' : value] as const]
  })
  return Object.fromEntries(entries)
}

/** Runs one command line; the exit status says whether all went well. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await program(terminal).parseAsync(argv)
    // Not set before: a command that waits for nothing must not end as if it were done.
    return Number(process.exitCode ?? 0)
  } catch (error) {
    terminal.complain(error)
    return 1
  }
}

// Whoever reads the output may stop reading: `roundelay tracks | head`.
process.stdout.on('error', () => process.exit())
process.exitCode = await main(process.argv, terminal)

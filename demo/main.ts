/**
 * The main jobs on real input, with nothing to configure: three people, three WebDAV drives, two slots; two content nodes.
 * `npm start` runs it; every run begins afresh.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/app/config.ts'
import type { Policy } from '../src/engine/policy.ts'
import { startService } from '../src/app/service.ts'
import { asText } from '../src/cli/search.ts'
import { playingTime } from '../src/cli/terminal.ts'
import { startDrive, type DriveServer } from './drive-server.ts'
import { TwoNodes } from './nodes.ts'
import { Screen } from './screen.ts'
import { Story, type Person } from './story.ts'

const people = [
  { name: 'Anna', plan: 'free' },
  { name: 'Bob', plan: 'free' },
  { name: 'Charlie', plan: 'premium' },
] as const

/** Every read of a file is held back so long, or all would be over before anybody could look. */
const delayMs = 300

/** Two slots in the literal round robin; a drive that went away is asked again every second or so. */
const policy: Partial<Policy> = {
  charge: 'tasks',
  slots: { list: 6, read: 2 },
  restBaseMs: 800,
  restMaxMs: 1_200,
}

const collection = fileURLToPath(new URL('../collection', import.meta.url))

async function main(): Promise<void> {
  const stopped = stopSignal()
  const screen = new Screen(process.stdout)
  const dataFolder = await mkdtemp(join(tmpdir(), 'roundelay-demo-'))
  const story = new Story(screen)
  const config = readConfig({ data: dataFolder, port: '0', logLevel: 'silent' }, {})
  const service = await startService(config, { policy, observer: story })
  const nodes = new TwoNodes(screen, dataFolder)
  const show = async (): Promise<void> => {
    screen.say('Roundelay: everybody gets a turn.')
    screen.say()
    screen.say(
      `Three people, each with music on a WebDAV drive (each read ${delayMs} ms late, so that there is`,
    )
    screen.say(
      'something to see), and two slots for reading. Charlie is premium: three tasks a turn.',
    )
    const drives = await Promise.all(people.map(({ name }) => startDriveOf(name)))
    for (const [index, person] of people.entries()) {
      const drive = drives[index]
      if (drive !== undefined) story.add(await addPerson(service, person, drive))
    }
    await story.run(service, stopped)
    await tellLibraries(screen, service)
    await nodes.run(stopped)
    tellNext(screen, service, dataFolder)
    if (screen.isLive) await sleep(longestMs, undefined, { signal: stopped })
  }
  try {
    await show()
  } catch (error) {
    if (!stopped.aborted) throw error
  } finally {
    await service.stop()
    await nodes.end()
    await story.end()
    await rm(dataFolder, { recursive: true, force: true })
  }
}

type Service = Awaited<ReturnType<typeof startService>>

function startDriveOf(name: string): Promise<DriveServer> {
  return startDrive(join(collection, name.toLowerCase()), name.toLowerCase(), delayMs)
}

async function addPerson(
  { core }: Service,
  { name, plan }: (typeof people)[number],
  drive: DriveServer,
): Promise<Person> {
  const owner = await core.registry.addOwner(name, plan)
  const source = await core.registry.addSource({
    ownerId: owner.id,
    name: 'drive',
    kind: 'webdav',
    address: drive.url,
    settings: { user: drive.user, isOperators: true },
    intervalMs: 900_000,
    password: drive.password,
  })
  return { name, owner, source, drive }
}

async function tellLibraries(screen: Screen, { core }: Service): Promise<void> {
  screen.say()
  screen.say('The libraries:')
  for (const { id, name } of await core.registry.owners(people.length)) {
    const { tracks, albums, artists, durationMs } = await core.catalogue.counts(id)
    screen.say(
      `  ${name.padEnd(8)} ${tracks} tracks, ${albums} albums, ${artists} artists, ${playingTime(durationMs)}`,
    )
  }
  const [anna] = await core.registry.owners(1)
  if (anna !== undefined) {
    screen.say()
    screen.say(`Anna searches for "${searched}" (accents and case do not matter):`)
    screen.say(asText(await core.catalogue.search(anna.id, searched, 5)).replaceAll(/^/gm, '  '))
  }
}

function tellNext(screen: Screen, { url }: Service, dataFolder: string): void {
  screen.say()
  screen.say('Now with your own music:')
  screen.say('  npx roundelay sync ~/Music')
  screen.say('  npx roundelay sync https://nas.example/dav --user anna')
  screen.say('Or as a content node:')
  screen.say('  npx roundelay serve --content --peers https://a.example/content')
  screen.say('  npx roundelay --help')
  if (!screen.isLive) return
  screen.say()
  screen.say(
    `This demo answers on ${url}api/status until you press Ctrl-C; its data (${dataFolder}) goes with it.`,
  )
}

const searched = 'lagrima'

/** The longest sleep there is, in milliseconds: more than three weeks. */
const longestMs = 2 ** 31 - 1

/** Ctrl-C, or the terminal was closed; at any moment, so that nothing is left behind. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => controller.abort())
  }
  return controller.signal
}

await main()

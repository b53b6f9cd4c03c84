import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContentStore } from '../content/content-store.ts'

export interface ContentMarkParts {
  readonly store: Pick<ContentStore, 'fact' | 'setFact'>
  /** The content folder. */
  readonly folder: string
}

const markFact = 'content.folder'
const markFile = 'mark'

/**
 * Which folder a database's content lies in: both have the same mark, made by whoever comes first. Processes that share a
 * database have to share the folder, too, or each would know only half of the content. Gives what is wrong; null: nothing.
 */
export async function folderTrouble({ store, folder }: ContentMarkParts): Promise<string | null> {
  const path = join(folder, markFile)
  const [told, found] = [await store.fact(markFact), await markOf(path)]
  if (told !== null && told !== found) {
    return `The folder ${folder} is not the one that this database's content lies in: all processes of a database need the same (a network file system). Where it is lost for good, write ${told} to ${path} and say roundelay node verify --repair.`
  }
  if (told === null) await store.setFact(markFact, found ?? (await makeMark(folder, path)))
  return null
}

async function markOf(path: string): Promise<string | null> {
  try {
    const mark = await readFile(path, 'utf8')
    // Its end says that it is whole.
    return mark.endsWith('\n') ? mark.trim() : null
  } catch {
    return null
  }
}

async function makeMark(folder: string, path: string): Promise<string> {
  const mark = randomUUID()
  await mkdir(folder, { recursive: true })
  try {
    await writeFile(path, `${mark}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    // Another process has just made it.
    const other = await markOf(path)
    if (other === null) throw error
    return other
  }
  return mark
}

import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { inject } from 'vitest'
import { ringBell } from './postgres-bell.ts'

export interface TestDatabase {
  readonly url: string
  /** Whoever is still connected is cut off. */
  drop(): Promise<void>
}

/** What a fresh database holds already. */
export interface Template {
  /** One of its own for each content; a part of an identifier. */
  readonly name: string
  /** Fills it: once for all that are made from it. Whoever connects for that is to be gone when it ends. */
  fill(url: string): Promise<void>
}

/** A database of one's own on the PostgreSQL of this run of tests. */
export async function freshDatabase(template?: Template): Promise<TestDatabase> {
  return createDatabase(await ringBell(inject('postgresBell')), template)
}

/** The same on a server that the caller has started: for scripts, and for tests that end theirs. */
export async function createDatabase(
  serverUrl: string,
  template?: Template,
): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const url = databaseUrl(serverUrl, name)
  await asOperator(serverUrl, async (client) => {
    const from = template === undefined ? 'template0' : await filled(client, serverUrl, template)
    await client.query(`create database ${name} template ${from}`)
  })
  return {
    url,
    drop: () =>
      asOperator(serverUrl, async (client) => {
        await client.query(`drop database ${name} with (force)`)
      }),
  }
}

async function asOperator(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client(url)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** The name of the database that is copied; several processes may need it first at the same time. */
async function filled(client: Client, serverUrl: string, template: Template): Promise<string> {
  const name = `template_${template.name}`
  await client.query('select pg_advisory_lock(hashtext($1))', [name])
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) {
      const draft = `draft_${template.name}`
      await client.query(`drop database if exists ${draft} with (force)`)
      await client.query(`create database ${draft} template template0`)
      await template.fill(databaseUrl(serverUrl, draft))
      await client.query(`alter database ${draft} rename to ${name}`)
    }
  } finally {
    await client.query('select pg_advisory_unlock(hashtext($1))', [name])
  }
  return name
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

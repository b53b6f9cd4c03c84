import { describe, expect, it } from 'vitest'
import { onEveryDatabase } from '../../../test/library/world.ts'
import { postgresText, sqliteText } from './dialect.ts'
import { rowsOf } from './sql.ts'

describe('a text for SQLite', () => {
  it('locks nothing, as there is one writer at a time', () => {
    const plain = 'select id from t where n = ?'
    for (const lock of [
      'for update',
      'for no key update',
      'for update of t',
      'for update skip locked',
      'for no key update of t, other skip locked',
    ]) {
      expect(sqliteText(`${plain} ${lock}`), lock).toBe(plain)
      expect(sqliteText(`select (${plain}\n  ${lock})`), lock).toBe(`select (${plain})`)
    }
  })

  it('keeps what only looks like a lock', () => {
    const text = `update t set note = 'for update or not' where n = ?`
    expect(sqliteText(text)).toBe(text)
  })
})

describe('a text for PostgreSQL', () => {
  it('numbers its values, and keeps those that are numbered', () => {
    expect(postgresText('select ?, ?')).toBe('select $1, $2')
    expect(postgresText('select ?2, ?1, ?2')).toBe('select $2, $1, $2')
  })

  it('leaves the order of a join to the server', () => {
    expect(postgresText('from a cross join b indexed by b_of on b.a = a.id')).toBe(
      'from a join b on b.a = a.id',
    )
  })
})

onEveryDatabase((open) => {
  it('runs what the two spell differently', async () => {
    const { db } = await open()
    const row = await db.get<{ most: number; least: number; list: string }>(
      `select greatest(cast(?1 as bigint), 5, 2) as most, least(cast(?1 as bigint), 5, 2) as least,
         (select json_agg(n) from (select 1 as n union all select 2) as numbers) as list`,
      9,
    )
    expect({ ...row, list: JSON.parse(row!.list) }).toEqual({ most: 9, least: 2, list: [1, 2] })
  })

  it('takes rows and lists as one value each', async () => {
    const { db } = await open()
    const rows = [
      { id: 2 ** 52, name: 'a "b" \\ \n' },
      { id: 7, name: null },
      { id: 8 },
      { id: 9, name: '{"json": [1]}', more: 'of no interest' },
    ]
    const text = `select r.id, r.name from json_to_recordset(?) as r (id bigint, name text) order by r.id`
    expect((await db.all(text, rowsOf(rows))).map((row) => Object.assign({}, row))).toEqual([
      { id: 7, name: null },
      { id: 8, name: null },
      { id: 9, name: '{"json": [1]}' },
      { id: 2 ** 52, name: 'a "b" \\ \n' },
    ])
    expect(await db.all(text, rowsOf([]))).toEqual([])
    const among = 'select id from source where id = any(?) or name = any(?2)'
    expect(await db.all(among, [1, 3], ['nobody'])).toHaveLength(1)
    expect(await db.all(among, [], ['source 1'])).toHaveLength(1)
    expect(await db.all(among, [], [])).toEqual([])
  })

  it('does several writes together, each for its rows', async () => {
    const { db } = await open()
    await db.transaction((tx) =>
      tx.together([
        {
          text: `update source set name = r.name || ?1 from rows as r (id bigint, name text) where source.id = r.id`,
          values: ['!'],
          rows: [{ id: 1, name: 'renamed' }],
        },
        {
          text: 'delete from source where id in (select r.id from rows as r (id bigint))',
          rows: [],
        },
        { text: 'update owner set weight = ? where weight <> ?1', values: [7] },
      ]),
    )
    expect(await db.get('select name from source where id = 1')).toMatchObject({ name: 'renamed!' })
    expect(await db.get('select min(weight) as least from owner')).toMatchObject({ least: 7 })
  })

  it('undoes all of a transaction when a statement fails that nobody waited for', async () => {
    const { db } = await open()
    const work = db.transaction(async (tx) => {
      await tx.run(`update source set name = 'changed' where id = 1`)
      tx.later(tx.run(`insert into owner (name, plan, weight) values (null, 'free', 1)`))
    })
    await expect(work).rejects.toThrow(/null/i)
    expect(await db.get('select name from source where id = 1')).toMatchObject({ name: 'source 1' })
  })
})

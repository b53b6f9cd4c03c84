import { expect, it } from 'vitest'
import { onEveryDatabase } from '../../../test/library/world.ts'
import { coverRefusal } from './cover-refusal.ts'

onEveryDatabase((open) => {
  const refusalOf = async (change: string) => {
    const { db, nowMs } = await open()
    await db.run(`update source set ${change} where id = 1`)
    return coverRefusal(db, 1, nowMs)
  }
  const trouble = `error_code = 'unreachable', error_message = 'Nobody answers.', error_ms = 1`

  it('refuses nothing of a source that is well, whatever happened before, nor of one that is not there', async () => {
    expect(await refusalOf(trouble)).toBeNull()
    expect(await coverRefusal((await open()).db, 77, 0)).toBeNull()
  })

  it('says why a source rests, and until when', async () => {
    expect(await refusalOf(`health = 1, rest_until_ms = 1005000, ${trouble}`)).toMatchObject({
      code: 'unreachable',
      message: 'The source "source 1" rests: Nobody answers.',
      retryAfterMs: 5_000,
    })
  })

  it('says why a source is stopped; a code that it does not know is unavailable', async () => {
    expect(await refusalOf(`health = 2, error_code = 'auth', error_message = 'No.'`)).toMatchObject(
      {
        code: 'auth',
        message: 'The source "source 1" is stopped: No.',
        retryAfterMs: undefined,
      },
    )
    expect(await refusalOf(`health = 2, error_code = 'from-tomorrow'`)).toMatchObject({
      code: 'unavailable',
    })
  })

  it('says that a source is paused', async () => {
    expect(await refusalOf(`is_paused = 1, health = 2, ${trouble}`)).toMatchObject({
      code: 'cancelled',
      message: 'The source "source 1" is paused.',
    })
  })
})

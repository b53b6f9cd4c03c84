import { expect, test } from 'vitest'
import { readAddress } from './address.ts'

test.each([
  ['postgres://anna:secret@db.example:5433/music?sslmode=verify-full', 'db.example:5433/music'],
  ['postgresql://anna:se%40cr%2Fet@db.example/music', 'db.example:5432/music'],
  ['postgres:///music?host=/run/postgresql', '/run/postgresql:5432/music'],
])('the title of %s is %s', (url, title) => {
  expect(readAddress(url)).toEqual({ url, title })
})

test.each(['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'])(
  'sslmode=%s is one that the driver knows',
  (mode) => {
    const url = `postgres://anna@db.example/music?sslmode=${mode}`
    expect(readAddress(url)).toMatchObject({ url })
  },
)

test('any other sslmode is refused with those that there are, and is not shown', () => {
  for (const query of ['sslmode=secret', 'sslmode=', 'sslmode=disable&sslmode=secret']) {
    const reading = () => readAddress(`postgres://anna@db.example/music?${query}`)
    expect(reading).toThrow(
      expect.objectContaining({
        code: 'bad-input',
        message: expect.stringMatching(/sslmode is one of disable, .*, verify-full\./),
      }),
    )
    expect(reading).not.toThrow(/secret/)
  }
})

test.each([
  'postgres://anna:12/secret@db.example/music',
  'postgres://anna:12#secret@db.example/music',
  'postgres://anna:12?secret@db.example/music',
  'postgres://anna:secret/x@db.example/music',
  'mysql://anna:secret@db.example/music',
  'host=db.example password=secret',
  'secret',
])('%s is refused with words that show nothing of it', (url) => {
  const reading = () => readAddress(url)
  expect(reading).toThrow(expect.objectContaining({ code: 'bad-input' }))
  expect(reading).not.toThrow(/secret|anna|12/)
})

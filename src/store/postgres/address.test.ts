import { expect, test } from 'vitest'
import { readAddress } from './address.ts'

test.each([
  ['postgres://anna:secret@db.example:5433/music?sslmode=verify-full', 'db.example:5433/music'],
  ['postgresql://anna:se%40cr%2Fet@db.example/music', 'db.example:5432/music'],
  ['postgres:///music?host=/run/postgresql', '/run/postgresql:5432/music'],
])('the title of %s is %s', (url, title) => {
  expect(readAddress(url)).toEqual({ url, title })
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

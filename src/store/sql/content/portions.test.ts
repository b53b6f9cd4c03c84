import { expect, test } from 'vitest'
import { portions } from './portions.ts'

const megabyte = 1_048_576

/** The megabytes of each row, by statement. */
function portioned(...sizes: readonly number[]): unknown {
  const rows = sizes.map((size) => ({ bytes: Buffer.alloc(size * megabyte), size }))
  return portions({ text: 'insert', values: [1], rows }).map((write) => {
    expect(write).toMatchObject({ text: 'insert', values: [1] })
    return (write.rows ?? []).map((row) => ('size' in row ? row.size : null))
  })
}

test('rows go in as many statements as their bytes take, in their order', () => {
  expect(portioned(10, 6, 1, 15, 0, 1)).toEqual([[10, 6], [1, 15, 0], [1]])
  expect(portioned(1, 20, 1)).toEqual([[1], [20], [1]])
  expect(portioned()).toEqual([])
})

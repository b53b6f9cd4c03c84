import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { png } from '../../../test/content/signer.ts'
import { pngHead } from './png.ts'

test('the size stands in the first 24 bytes', () => {
  const image = png(1_025, 300)
  expect(pngHead(image)).toEqual({ isPng: true, size: { width: 1_025, height: 300 } })
  expect(pngHead(Buffer.concat([Buffer.alloc(3), image]).subarray(3, 27))).toEqual(pngHead(image))
})

test('what is cut off, or begins with something else than its header, has none', () => {
  const image = Buffer.from(png(10, 10))
  expect(pngHead(image.subarray(0, 23))).toEqual({ isPng: true, size: null })
  image.write('IDAT', 12)
  expect(pngHead(image)).toEqual({ isPng: true, size: null })
})

test('other images are none', () => {
  expect(pngHead(Buffer.from('ffd8ffe000104a464946', 'hex'))).toEqual({ isPng: false })
  expect(pngHead(png(1, 1).subarray(0, 7))).toEqual({ isPng: false })
  expect(pngHead(Buffer.alloc(0))).toEqual({ isPng: false })
})

test('any bytes are one or the other', () => {
  const begun = fc.uint8Array({ maxLength: 64 }).map((rest) => {
    return Buffer.concat([png(1, 1).subarray(0, 8), rest])
  })
  fc.assert(fc.property(fc.oneof(begun, fc.uint8Array()), (bytes) => 'isPng' in pngHead(bytes)))
})

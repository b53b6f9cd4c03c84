import { expect, test } from 'vitest'
import { SlotTime } from './slot-time.ts'

test('slot time is what tasks took, by user', () => {
  const slots = new SlotTime(2)
  const end = slots.begin(0, 100)
  slots.begin(1, 100)(130)
  end(150)
  slots.begin(1, 150)(160)
  expect(slots.usedMs(1000)).toEqual([50, 40])
  expect(slots.tasks).toEqual([1, 2])
})

test('who still runs has used its slot until now', () => {
  const slots = new SlotTime(1)
  slots.begin(0, 100)
  expect(slots.usedMs(175)).toEqual([75])
  expect(slots.tasks).toEqual([0])
})

test('what was before a restart does not count, and what runs then counts from there', () => {
  const slots = new SlotTime(2)
  slots.begin(0, 0)(50)
  const end = slots.begin(1, 0)
  slots.restart(60)
  end(100)
  expect(slots.usedMs(200)).toEqual([0, 40])
  expect(slots.tasks).toEqual([0, 1])
})

test('a slot is given up once', () => {
  const slots = new SlotTime(1)
  const end = slots.begin(0, 0)
  end(10)
  end(30)
  expect(slots.usedMs(100)).toEqual([10])
  expect(slots.tasks).toEqual([1])
})

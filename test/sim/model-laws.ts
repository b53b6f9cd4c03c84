import type { Rows, SourceRow, TaskRow } from '../../src/store/memory/rows.ts'

/** Tasks in flight that the largest window of a queue allows. */
const maxInFlight = 32

/** What of the laws of docs/spec/engine.md the rows of the model break; the number comes first. */
export function modelFaults(rows: Rows): readonly string[] {
  return [
    ...slotFaults(rows),
    ...laneFaults(rows),
    ...[...rows.tasks].flatMap((task) => taskFaults(rows, task)),
    ...[...rows.sources.values()].flatMap((source) => sourceFaults(rows, source)),
  ]
}

function slotFaults({ slots, lastFence, lanes }: Rows): string[] {
  const broken: string[] = []
  const fences = slots.flatMap(({ held }) => held?.fence ?? [])
  if (new Set(fences).size < fences.length) broken.push('L1 a fence stands in two places')
  if (fences.some((fence) => fence > lastFence)) broken.push('L1 a fence was never given')
  for (const queue of lanes.flatMap((lane) => lane.queues)) {
    const inFlight = slots.filter(({ held }) => held?.queue === queue).length
    if (inFlight > maxInFlight) broken.push('T6 a queue has more in flight than the largest window')
  }
  return broken
}

function laneFaults({ lanes }: Rows): string[] {
  return lanes
    .filter(({ isActive, queues }) => isActive !== queues.some((queue) => queue.isActive))
    .map(() => 'T9 a lane is active though none of its queues is, or the other way round')
}

function taskFaults({ slots }: Rows, { state, fence, item }: TaskRow): string[] {
  const broken: string[] = []
  if (state === 'leased' && !slots.some(({ held }) => held?.fence === fence)) {
    broken.push('a leased task is in no slot')
  }
  if (state !== 'leased' && fence !== null) broken.push('L2 a task in no slot has a fence')
  if (item !== null && item.state !== (state === 'parked' ? 'parked' : 'tasked')) {
    broken.push(`W5 a task reads an item that is not owed but ${item.state}`)
  }
  return broken
}

function sourceFaults({ tasks }: Rows, { items, round }: SourceRow): string[] {
  const broken: string[] = []
  const read = new Map<object, number>()
  let isOpen = false
  for (const task of tasks) {
    if (task.item !== null) read.set(task.item, (read.get(task.item) ?? 0) + 1)
    if (round !== null && task.round === round && task.state !== 'parked') isOpen = true
  }
  for (const item of items.values()) {
    const count = read.get(item) ?? 0
    if (count > 1) broken.push('L1 an item has two tasks')
    if (item.state === 'tasked' && count === 0) broken.push('W5 an item has no task')
    if (item.state === 'settled' && item.applied !== item.listed.version) {
      broken.push('W5 an applied item is not what is listed')
    }
  }
  if (round !== null && !isOpen) broken.push('R3 a round is open and nothing will end it')
  return broken
}

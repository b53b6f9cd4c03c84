import { expect, it } from 'vitest'
import { endAll } from './end-all.ts'

it('ends the last one first, the others although one fails, and throws the first failure', async () => {
  const ended: string[] = []
  const ends = [
    async () => void ended.push('first'),
    () => Promise.reject(new Error('second')),
    () => {
      throw new Error('third')
    },
    async () => void ended.push('fourth'),
  ]
  await expect(endAll(ends)).rejects.toThrow('third')
  expect(ended).toEqual(['fourth', 'first'])
})

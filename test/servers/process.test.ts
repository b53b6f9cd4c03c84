import { expect, test } from 'vitest'
import { startProcess } from './process.ts'

test('a program that is not there is a failure that names it', async () => {
  const launch = async () => ({ command: 'no-such-server', args: [] })
  await expect(startProcess(launch)).rejects.toThrow(/no-such-server did not start: .*ENOENT/)
})

import type { ContentNode } from '../app/content-node.ts'
import type { Core } from '../app/core.ts'
import { assert } from '../base/errors.ts'
import type { Setting } from './setting.ts'
import { withCore } from './with-core.ts'

/** The same as `withCore`, with the content node of that database, whether `--content` was given or not. It does no work. */
export function withNode<T>(
  setting: Setting,
  work: (node: ContentNode, core: Core) => Promise<T>,
): Promise<T> {
  const asNode = { ...setting, config: () => setting.config({ content: 'on' }) }
  return withCore(asNode, (core) => {
    assert(core.content !== null, 'it was asked for')
    return work(core.content, core)
  })
}

import { contentHistories } from '../../../test/contract/content-histories.ts'
import { contentInMemory } from '../../../test/content/content-subject.ts'

contentHistories('the model', contentInMemory, 200)

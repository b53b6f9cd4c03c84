import { contentStoreContract } from '../../../test/contract/content-store.ts'
import { contentInMemory } from '../../../test/content/content-subject.ts'

contentStoreContract('the model', contentInMemory)
